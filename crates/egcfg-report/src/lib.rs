//! What people read of an experiment: a live dashboard over a results folder, tables, and one self-contained HTML file.
//! Nothing here decides anything: every number comes from `egcfg-bench`.
