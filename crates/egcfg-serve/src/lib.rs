//! An OpenAI-compatible HTTP server over any model of egcfg. A completion request may carry tests: it is then decoded
//! under execution guidance, and the reply says which of them pass.
