#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| safe_compose::fuzz::run("database_headers", bytes));
