//! `ntpd-rs` of `targets.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: beacondeck_fuzz::sow("ntpd-rs"), |bytes: &[u8]| beacondeck_fuzz::run("ntpd-rs", bytes));
