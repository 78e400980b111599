//! `metrics` of `targets.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: beacondeck_fuzz::sow("metrics"), |bytes: &[u8]| beacondeck_fuzz::run("metrics", bytes));
