//! `docs/cli.md` is generated from the program's own help.

use std::fs;
use std::path::Path;

#[test]
#[expect(clippy::disallowed_methods, reason = "a variable rewrites the page")]
fn cli_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    let generated = safe_compose::cli::reference();
    if std::env::var_os("SAFE_COMPOSE_UPDATE_DOCS").is_some() {
        fs::write(&path, &generated).expect("written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == generated,
        "docs/cli.md is out of date: run this test with SAFE_COMPOSE_UPDATE_DOCS=1"
    );
}
