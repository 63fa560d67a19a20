//! The module structure of `docs/architecture.md`: imports go downwards only and not in circles, type names are unique,
//! and every file says what it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const RANKS: &[(u32, &[&str])] = &[
    (0, &["env", "error", "exit", "progress", "run_state", "secret", "store_kind", "tls", "units"]),
    (1, &["fs", "policy", "process", "qdrant", "tool_labels"]),
    (2, &["compose", "engine", "event", "trust"]),
    (3, &["inventory", "settings", "suggest"]),
    (4, &["backup", "guard", "hooks", "journal", "lint", "notify", "preflight", "protect", "verify"]),
    (5, &["setup", "ui"]),
    (6, &["cli", "commands"]),
    (7, &["fuzz", "run"]),
];

/// Imports between modules of one rank that are allowed.
const NEIGHBOURS: &[(&str, &str)] = &[
    ("commands", "cli"),
    ("env", "secret"),
    ("error", "exit"),
    ("inventory", "settings"),
    ("verify", "backup"),
];

fn ranks() -> BTreeMap<&'static str, u32> {
    RANKS.iter().flat_map(|(rank, modules)| modules.iter().map(move |&module| (module, *rank))).collect()
}

fn sources(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in
        fs::read_dir(below).expect("a folder of sources").map(|entry| entry.expect("an entry").path())
    {
        if entry.is_dir() {
            found.extend(sources(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The top-level module of a source file, by its path below `src`.
fn top_level_module(path: &Path) -> String {
    let first = path.components().next().expect("a path").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The lines of a source without comments.
fn code(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// The top-level modules that a source imports or names.
fn named_modules(source: &str) -> Vec<String> {
    code(source)
        .flat_map(|line| line.match_indices("crate::").map(move |(at, _)| &line[at + 7..]))
        .map(identifier)
        .map(str::to_owned)
        .collect()
}

/// The identifier at the start of a text.
fn identifier(text: &str) -> &str {
    let end = text.find(|letter: char| !(letter.is_alphanumeric() || letter == '_')).unwrap_or(text.len());
    &text[..end]
}

fn allowed(ranks: &BTreeMap<&str, u32>, from: &str, to: &str) -> bool {
    from == to || ranks[from] > ranks[to] || NEIGHBOURS.contains(&(from, to))
}

#[test]
fn imports_go_downwards() {
    let ranks = ranks();
    let mut wrong = Vec::new();
    let mut unused = NEIGHBOURS.to_vec();
    for path in sources(&root()) {
        let below = path.strip_prefix(root()).expect("below src");
        let module = top_level_module(below);
        if matches!(module.as_str(), "lib" | "main") {
            continue;
        }
        assert!(ranks.contains_key(module.as_str()), "`{module}` has no rank: add it to the table");
        for named in named_modules(&fs::read_to_string(&path).expect("a source")) {
            unused.retain(|pair| *pair != (module.as_str(), named.as_str()));
            if ranks.contains_key(named.as_str()) && !allowed(&ranks, &module, &named) {
                wrong.push(format!("{} names crate::{named}", below.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that go upwards or sideways:\n{}", wrong.join("\n"));
    assert!(unused.is_empty(), "no file needs these exceptions: {unused:?}");
}

/// The ranks in the table of a Markdown page, by module.
fn documented_ranks(page: &str) -> BTreeMap<&str, u32> {
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.split('|').skip(1).map(str::trim);
        let rank: u32 = cells.next()?.parse().ok()?;
        Some((rank, cells.next()?))
    });
    rows.flat_map(|(rank, modules)| {
        modules.split_whitespace().map(move |module| (module.trim_matches('`'), rank))
    })
    .collect()
}

#[test]
fn the_documented_modules_are_those_of_the_code() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let page = fs::read_to_string(page).expect("the page");
    assert_eq!(documented_ranks(&page), ranks());
}

#[test]
fn an_upward_import_is_found() {
    let ranks = ranks();
    let named = named_modules(
        "use crate::ui::Ui;\n// crate::run\n/// [`crate::cli`]\nlet x = crate::exit::Exit::Usage;",
    );
    assert_eq!(named, ["ui", "exit"]);
    assert!(!allowed(&ranks, "guard", "ui"));
    assert!(!allowed(&ranks, "guard", "backup"));
    assert!(!allowed(&ranks, "settings", "inventory"));
    assert!(allowed(&ranks, "guard", "policy"));
}

/// The types that a source declares for other files, at any level of indentation. The conventional alias `Result` is
/// exempt, as are names that are private to a file.
fn shared_types(source: &str) -> Vec<&str> {
    code(source)
        .filter_map(|line| {
            let rest = line.trim_start().strip_prefix("pub")?;
            let rest = match rest.strip_prefix('(') {
                Some(scope) => scope.split_once(')')?.1,
                None => rest,
            };
            let (keyword, name) = rest.trim_start().split_once(' ')?;
            matches!(keyword, "struct" | "enum" | "trait" | "type" | "union").then(|| identifier(name))
        })
        .filter(|&name| name != "Result")
        .collect()
}

/// The names that are declared in more than one source, with the sources.
fn duplicates(sources: &[(String, String)]) -> BTreeMap<&str, Vec<&str>> {
    let mut declared: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (path, text) in sources {
        for name in shared_types(text) {
            declared.entry(name).or_default().push(path);
        }
    }
    declared.retain(|_, paths| paths.len() > 1);
    declared
}

/// All sources with their paths below `src`.
fn texts() -> Vec<(String, String)> {
    let read = |path: &PathBuf| fs::read_to_string(path).expect("a source");
    let name = |path: &PathBuf| path.strip_prefix(root()).expect("below src").display().to_string();
    sources(&root()).iter().map(|path| (name(path), read(path))).collect()
}

#[test]
fn type_names_are_unique() {
    let texts = texts();
    let found = duplicates(&texts);
    assert!(found.is_empty(), "type names that occur more than once: {found:#?}");
}

#[test]
fn a_duplicate_type_name_is_found() {
    let source = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let sources = [
        source(
            "a.rs",
            "pub struct Twice;\nstruct Private;\npub type Result<T> = X<T>;\n// pub struct Comment;",
        ),
        source(
            "b.rs",
            "mod c {\n    pub(in crate::b) enum Twice {}\n}\npub(crate) trait Once {}\nstruct Private;",
        ),
        source("c.rs", "pub type Result<T> = Y<T>;\npub fn function() {}\npub struct Comment;"),
    ];
    let found = duplicates(&sources);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [("Twice", vec!["a.rs", "b.rs"])]);
}

/// The module path of a source file: `engine/docker/mod.rs` and `engine/docker.rs` are both `engine::docker`.
fn module_path(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').filter(|part| !matches!(*part, "lib" | "main")).map(str::to_owned).collect()
}

/// The paths in the `use` declarations of a source, relative to the crate, with groups expanded. Declarations inside
/// inline modules such as `mod tests` are skipped.
fn imports(module: &[String], source: &str) -> Vec<Vec<String>> {
    let text: String = code(source).collect::<Vec<_>>().join("\n");
    let mut paths = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("use ") {
        let starts_line = rest[..at]
            .rsplit('\n')
            .next()
            .is_some_and(|before| before.is_empty() || (before.starts_with("pub") && before.ends_with(' ')));
        rest = &rest[at + 4..];
        let Some(end) = rest.find(';').filter(|_| starts_line) else { continue };
        expand("", &rest[..end], &mut paths);
        rest = &rest[end..];
    }
    paths.into_iter().filter_map(|path| absolute(module, &path)).collect()
}

/// Expands `a::{b, c::{d}}` to `a::b` and `a::c::d`.
fn expand(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((before, group)) = tree.split_once('{') else {
        let name = tree.split(" as ").next().unwrap_or_default().trim();
        if !name.is_empty() {
            paths.push(format!("{prefix}{name}"));
        }
        return;
    };
    let prefix = format!("{prefix}{}", before.trim());
    let (mut depth, mut start) = (0, 0);
    let group = group.trim_end().strip_suffix('}').unwrap_or(group);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&prefix, &group[start..at], paths);
                start = at + 1;
            }
            _ => {}
        }
    }
    expand(&prefix, &group[start..], paths);
}

/// Resolves `crate::`, `self::` and `super::`; `None` for other crates.
fn absolute(module: &[String], path: &str) -> Option<Vec<String>> {
    let mut base = module.to_vec();
    let mut parts = path.split("::").peekable();
    match parts.peek().copied() {
        Some("crate") => {
            parts.next();
            base.clear();
        }
        Some("self") => {
            parts.next();
        }
        Some("super") => {
            while parts.next_if_eq(&"super").is_some() {
                base.pop();
            }
        }
        Some(_) | None => return None,
    }
    base.extend(parts.filter(|part| *part != "self").map(str::to_owned));
    Some(base)
}

/// The imports between files, with re-exports resolved to the file that declares the name. A module and its own parents
/// may import each other.
fn import_graph(sources: &[(String, String)]) -> BTreeMap<&str, BTreeSet<&str>> {
    let modules: BTreeMap<Vec<String>, (&str, &str)> =
        sources.iter().map(|(file, text)| (module_path(file), (file.as_str(), text.as_str()))).collect();
    let mut graph = BTreeMap::new();
    for (module, (file, text)) in &modules {
        let mut targets = BTreeSet::new();
        for path in imports(module, text) {
            let Some(target) = declaring_module(&modules, &path, 0) else { continue };
            if !target.starts_with(module) && !module.starts_with(&target) {
                targets.insert(modules[&target].0);
            }
        }
        graph.insert(*file, targets);
    }
    graph
}

/// The longest prefix of a path that is a module, followed through `use` declarations there that bring the next name in.
fn declaring_module(
    modules: &BTreeMap<Vec<String>, (&str, &str)>,
    path: &[String],
    depth: usize,
) -> Option<Vec<String>> {
    let length = (1..=path.len()).rev().find(|length| modules.contains_key(&path[..*length]))?;
    let module = path[..length].to_vec();
    let (Some(name), true) = (path.get(length), depth < 5) else { return Some(module) };
    let reexported =
        imports_of_mod(&modules[&module], &module).into_iter().find(|from| from.last() == Some(name));
    match reexported {
        Some(from) if from != path => declaring_module(modules, &from, depth + 1),
        Some(_) | None => Some(module),
    }
}

/// The re-exports of a module, with the paths of its children (`pub use child::Name`) made absolute.
fn imports_of_mod((_, text): &(&str, &str), module: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for declaration in code(text).collect::<Vec<_>>().join("\n").split(';') {
        let Some(at) = declaration.find("pub").filter(|_| declaration.contains("use ")) else { continue };
        let Some((_, tree)) = declaration[at..].split_once("use ") else { continue };
        let mut paths = Vec::new();
        expand("", tree, &mut paths);
        found.extend(paths.into_iter().map(|path| {
            absolute(module, &path).unwrap_or_else(|| {
                module.iter().cloned().chain(path.split("::").map(str::to_owned)).collect()
            })
        }));
    }
    found
}

/// The files that can reach themselves through imports.
fn cyclic<'a>(graph: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<&'a str> {
    let reaches_itself = |start: &str| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&str> = graph[start].iter().copied().collect();
        while let Some(file) = open.pop() {
            if file == start {
                return true;
            }
            if seen.insert(file) {
                open.extend(&graph[file]);
            }
        }
        false
    };
    graph.keys().copied().filter(|file| reaches_itself(file)).collect()
}

#[test]
fn imports_have_no_cycle() {
    let texts = texts();
    let graph = import_graph(&texts);
    let found = cyclic(&graph);
    assert!(found.is_empty(), "files that import each other in a circle: {found:#?}");
}

#[test]
fn an_import_cycle_is_found() {
    let source = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let one_way = [
        source("a/mod.rs", "mod one;\nmod two;\npub use one::One;\npub use two::{Two, Too as Other};"),
        source("a/one.rs", "use super::{Two, Three};\nuse crate::b::B;\nuse std::fs;"),
        source("a/two.rs", "use super::Shared;\n#[cfg(test)]\nmod tests {\n    use crate::a::One;\n}"),
        source("b.rs", ""),
    ];
    let graph = import_graph(&one_way);
    assert_eq!(graph["a/one.rs"], BTreeSet::from(["a/two.rs", "b.rs"]));
    assert!(cyclic(&graph).is_empty(), "{graph:?}");
    let mut circle = one_way;
    circle[3].1 = "use crate::{\n    a::{One},\n};".to_owned();
    let graph = import_graph(&circle);
    assert_eq!(cyclic(&graph), ["a/one.rs", "b.rs"]);
}

#[test]
fn every_source_says_what_it_is_for() {
    for path in sources(&root()) {
        let text = fs::read_to_string(&path).expect("a source");
        assert!(text.starts_with("//! "), "{} has no head", path.display());
    }
}

/// Words that must not stay in the tree.
#[test]
fn nothing_is_left_for_later() {
    for path in sources(&root()) {
        let text = fs::read_to_string(&path).expect("a source");
        for word in [
            "TO".to_owned() + "DO",
            "FIX".to_owned() + "ME",
            "unimplemented".to_owned() + "!",
            "to".to_owned() + "do!",
        ] {
            assert!(!text.contains(&word), "{} says {word}", path.display());
        }
    }
}
