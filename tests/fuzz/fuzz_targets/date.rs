//! `date` of `targets.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: beacondeck_fuzz::sow("date"), |bytes: &[u8]| beacondeck_fuzz::run("date", bytes));
