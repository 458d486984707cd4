//! Feeds `portcullis_fuzz_targets::token` to libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis_fuzz_targets::token::run(data));
