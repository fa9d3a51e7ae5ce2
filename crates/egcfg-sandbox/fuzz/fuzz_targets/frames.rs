#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| egcfg_sandbox_fuzz::frames(data));
