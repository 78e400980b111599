//! `chrony` of `targets.rs`.

#![no_main]

libfuzzer_sys::fuzz_target!(init: beacondeck_fuzz::sow("chrony"), |bytes: &[u8]| beacondeck_fuzz::run("chrony", bytes));
