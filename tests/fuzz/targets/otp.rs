#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| donet_fuzz::otp(input));
