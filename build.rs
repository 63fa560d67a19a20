//! How the program is linked.

#[expect(clippy::disallowed_methods, reason = "Cargo tells the target in the environment only")]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // A command that is handed over must not get noticeably slower. A position-independent executable of this size has
    // about ten thousand relocations, which the dynamic linker processes at every start; at a fixed address there are none.
    // `benches/handover.sh` measures the effect. Address space randomization of the executable is given up for it: this is
    // no server, and the code is memory-safe.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux")
        && std::env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu")
    {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
