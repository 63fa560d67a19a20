//! What a test needs and a machine may lack.
//!
//! A test that cannot run returns early and says why. There are two kinds of reason, and only the first fails a run in
//! which everything is required: `SAFE_COMPOSE_REQUIRE_ALL` is `1`, or it is unset and `CI` is set.

/// Something that `scripts/test` installs or that root may do: an engine, Compose V2, a mount, a change of owner.
#[track_caller]
pub(crate) fn missing(what: &str) {
    assert!(!everything_is_required(), "this test cannot run, and every test is required: {what}");
    skipped(what);
}

/// Something that depends on the machine: the engine's version, Compose V1, an image that only a registry has.
pub(crate) fn unavailable(what: &str) {
    skipped(what);
}

#[expect(clippy::print_stderr, reason = "a skipped test says why")]
fn skipped(what: &str) {
    eprintln!("skipped: {what}");
}

#[expect(clippy::disallowed_methods, reason = "tests may read the environment")]
fn everything_is_required() -> bool {
    requires_everything(
        std::env::var("SAFE_COMPOSE_REQUIRE_ALL").ok().as_deref(),
        std::env::var("CI").ok().as_deref(),
    )
}

fn requires_everything(required: Option<&str>, ci: Option<&str>) -> bool {
    let is_on = |value: &str| !matches!(value, "" | "0" | "false");
    required.or(ci).is_some_and(is_on)
}

#[test]
fn the_setting_overrides_the_ci_variable() {
    assert!(!requires_everything(None, None));
    assert!(requires_everything(None, Some("true")));
    assert!(!requires_everything(None, Some("false")));
    assert!(requires_everything(Some("1"), None));
    assert!(!requires_everything(Some("0"), Some("true")));
}
