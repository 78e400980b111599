//! `record` of `targets.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: beacondeck_fuzz::sow("record"), |bytes: &[u8]| beacondeck_fuzz::run("record", bytes));
