//! Feeds `portcullis_fuzz_targets::jwk_set` to libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis_fuzz_targets::jwk_set::run(data));
