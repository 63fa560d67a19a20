//! How the program is linked.

#[expect(clippy::disallowed_methods, reason = "Cargo tells the target in the environment only")]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Standing in must cost next to nothing, and a position-independent program of this size begins with some ten
    // thousand relocations. At a fixed address there are none. The
    // program is no server and takes no bytes from strangers that are not checked; memory safety is the compiler's.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux")
        && std::env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu")
    {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
