//! Models by name: the hub's cache and download, and the conversion of a checkpoint folder to GGUF.
