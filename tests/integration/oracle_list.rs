//! The short oracle covers every hazard, and lists only tests that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const LIST: &str = include_str!("../e2e/oracle/short.txt");
const UNDONE: &str = include_str!("../e2e/undo.txt");

/// What the list covers beside the hazards.
const OTHER_SUBJECTS: &[&str] = &["compose_v1", "compose_v2_older", "label_mode"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The name of every file that holds a hazard.
fn hazards() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("src/guard/hazards")).expect("the hazards");
    let names = entries.map(|entry| entry.expect("an entry").path());
    names
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .filter(|name| name != "mod")
        .collect()
}

/// Each line as subject, test binary and test.
fn lines() -> Vec<(&'static str, &'static str, &'static str)> {
    let lines = LIST.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| match line.split_whitespace().collect::<Vec<_>>()[..] {
            [subject, binary, test] => (subject, binary, test),
            _ => panic!("three columns: {line}"),
        })
        .collect()
}

/// The file of `module::module::test` below a test binary's folder.
fn file_of(binary: &str, test: &str) -> (PathBuf, String) {
    let (modules, name) = test.rsplit_once("::").expect("MODULE::TEST");
    let path = root().join("tests").join(binary).join(modules.replace("::", "/")).with_extension("rs");
    (path, name.to_owned())
}

#[test]
fn every_hazard_has_a_row_in_the_short_oracle() {
    let listed: BTreeSet<String> = lines().iter().map(|(subject, ..)| (*subject).to_owned()).collect();
    let others: BTreeSet<String> = OTHER_SUBJECTS.iter().map(|&subject| subject.to_owned()).collect();
    let hazards = hazards();
    assert!(hazards.len() > 10, "{hazards:?}");
    assert_eq!(listed, hazards.union(&others).cloned().collect());
}

#[test]
fn every_row_of_the_short_oracle_exists() {
    for (_, binary, test) in lines() {
        let (path, name) = file_of(binary, test);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let is_there = text.contains(&format!("fn {name}(")) || text.contains(&format!("    {name}: Row"));
        assert!(is_there, "{} has no test `{name}`", path.display());
    }
}

/// Each line of the list of undone hazards as hazard and test, or the reason why there is none.
fn undone() -> Vec<(&'static str, Result<&'static str, &'static str>)> {
    let lines = UNDONE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (hazard, rest) = line.split_once(' ').unwrap_or_else(|| panic!("two columns: {line}"));
            let rest = rest.trim();
            (hazard, rest.strip_prefix("- ").map_or(Ok(rest), Err))
        })
        .collect()
}

#[test]
fn every_hazard_is_undone_or_has_a_reason() {
    let text = fs::read_to_string(root().join("tests/e2e/undo_hazards.rs")).expect("the tests");
    let listed: BTreeSet<String> = undone().iter().map(|(hazard, _)| (*hazard).to_owned()).collect();
    assert_eq!(listed, hazards());
    let tests: BTreeSet<&str> = undone().into_iter().filter_map(|(_, test)| test.ok()).collect();
    for test in &tests {
        let is_there =
            text.contains(&format!("    {test}: UndoRow")) || text.contains(&format!("fn {test}()"));
        assert!(is_there, "there is no test `{test}`");
    }
    let rows = text.lines().filter_map(|line| line.trim().split_once(": UndoRow {")).map(|(name, _)| name);
    for row in rows.filter(|name| !name.contains(' ')) {
        assert!(tests.contains(row), "`{row}` is not in tests/e2e/undo.txt");
    }
}

/// A reader of the page finds the file of each hazard in it.
#[test]
fn every_hazard_is_on_the_page() {
    let page = fs::read_to_string(root().join("docs/hazards.md")).expect("the page");
    for hazard in hazards() {
        assert!(page.contains(&format!("| `{hazard}` |")), "`{hazard}` is not in docs/hazards.md");
    }
}
