//! How the program is linked, and the commit that it is built from.

use std::path::Path;
use std::process::Command;

#[expect(clippy::disallowed_methods, reason = "Cargo passes the target in the environment only")]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) {
        println!("cargo:rustc-env=SAFE_COMPOSE_BUILD_COMMIT={commit}");
    }
    // Git appends to this file at every commit and checkout.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| Path::new(log).exists()) {
        println!("cargo:rerun-if-changed={log}");
    }
    // A command that is handed over must not get noticeably slower. A position-independent executable of this size has
    // about ten thousand relocations, which the dynamic linker processes at every start; at a fixed address there are none.
    // `benches/handover.sh` measures the effect: 1.047 times plain Compose with a fixed address, 1.069 without
    // (medians of 301 runs; the limit is 1.05). Address space randomization of the executable is given up for it: this is
    // no server, and the code is memory-safe.
    // A static program does not start if it is linked like this: `scripts/package` asks for its fixed address in another way,
    // which also makes it 1.3 MB smaller.
    let features = std::env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let is_static = features.split(',').any(|feature| feature == "crt-static");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux")
        && std::env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu")
        && !is_static
    {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}

/// What Git answers. Nothing where there is no Git or no repository: the build does not depend on either.
#[expect(clippy::disallowed_methods, reason = "a build script cannot use the program's own module for this")]
fn git(words: &[&str]) -> Option<String> {
    // A package that is built inside of another repository is not of that repository.
    if !Path::new(".git").exists() {
        return None;
    }
    let output = Command::new("git").args(words).output().ok().filter(|output| output.status.success())?;
    let answer = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!answer.is_empty()).then_some(answer)
}
