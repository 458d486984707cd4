//! Feeds `portcullis_fuzz_targets::credential` to libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| portcullis_fuzz_targets::credential::run(data));
