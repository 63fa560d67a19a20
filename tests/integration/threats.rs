//! The tests that `SECURITY.md` names for its threats exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names in the last column of the table of threats.
fn named(page: &str) -> BTreeSet<&str> {
    let rows = page.lines().skip_while(|line| *line != "## Threats").filter(|line| line.starts_with("| "));
    let cells = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

fn sources(below: &Path, all: &mut String) {
    for entry in fs::read_dir(below).expect("a directory").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, all);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&fs::read_to_string(entry).expect("a source"));
        }
    }
}

/// Those of them that no source has.
fn missing<'a>(names: &BTreeSet<&'a str>, sources: &str) -> Vec<&'a str> {
    names.iter().filter(|name| !sources.contains(&format!("fn {name}()"))).copied().collect()
}

#[test]
fn every_threat_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("SECURITY.md")).expect("the page");
    let names = named(&page);
    assert!(names.len() > 20, "{names:?}");
    let mut all = String::new();
    sources(&root.join("tests"), &mut all);
    sources(&root.join("src"), &mut all);
    assert_eq!(missing(&names, &all), [""; 0]);
    let threats =
        page.lines().skip_while(|line| *line != "## Threats").take_while(|line| !line.starts_with("## Data"));
    for row in threats.filter(|line| line.starts_with("| ") && !line.starts_with("| threat")) {
        assert!(row.trim_end().ends_with("` |"), "no test: {row}");
    }
}

#[test]
fn a_test_that_is_gone_is_found() {
    let page = "x\n## Threats\n| threat | what | test |\n|---|---|---|\n| a | b `c` | `there`, `gone` |\n";
    assert_eq!(named(page), BTreeSet::from(["gone", "there"]));
    assert_eq!(missing(&named(page), "fn there() {}"), ["gone"]);
}
