//! The configuration that the real Compose printed before is used only if nothing that decides it has changed.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use safe_compose::compose::binary::ComposeBinary;
use safe_compose::compose::grammar::Grammar;
use safe_compose::compose::invocation::{Invocation, Reading};
use safe_compose::compose::project::Project;
use safe_compose::env::Env;

use crate::support::{real_compose, write};

const FILE: &str = r#"
services:
  db:
    image: "busybox:${TAG:-1}"
    environment: { PASSWORD: hunter2-in-the-file }
    env_file: [db.env, { path: maybe.env, required: false }]
    volumes: ["data:/data", "./here:/b"]
  tool: { image: busybox, profiles: [tools], volumes: ["tools:/t"] }
volumes: { data: {}, tools: {} }
"#;

/// A project, and a Compose that writes down what it is asked.
struct Stand {
    _root: tempfile::TempDir,
    app: PathBuf,
    log: PathBuf,
    program: PathBuf,
    env: Env,
}

impl Stand {
    /// `None` without a real Compose V2. `before` is run by the shell before Compose is.
    fn new(file: &str, before: &str) -> Option<Self> {
        let real = real_compose(Grammar::V2)?;
        let root = tempfile::tempdir().expect("a directory");
        let home = root.path().canonicalize().expect("there");
        let app = home.join("app");
        write(&app.join("compose.yaml"), file, 0o644);
        write(&app.join("db.env"), "FROM_FILE=hunter2-in-env-file\n", 0o644);
        let (log, program) = (home.join("log"), home.join("docker-compose"));
        // The tests share one current directory.
        let script = format!(
            "#!/bin/sh\ncd \"$(cat {0}/directory)\" && echo \"$*\" >>{0}/log\n{before}\nexec {1} \"$@\"\n",
            home.display(),
            real.display()
        );
        write(&program, script, 0o755);
        write(&home.join("directory"), app.display().to_string(), 0o644);
        let env = Env { current_dir: app.clone(), home: Some(home), ..Env::default() };
        Some(Self { _root: root, app, log, program, env })
    }

    fn reading(words: &[&str]) -> Reading {
        let words = words.iter().map(OsString::from).collect();
        Invocation::parse(words).expect("valid").read(Grammar::V2)
    }

    /// The project as a command reads it, and whether Compose was asked. What is new is kept.
    fn read(&self, words: &[&str]) -> (Project, bool) {
        let _ = fs::remove_file(&self.log);
        let slot = OnceLock::new();
        let binary = ComposeBinary::new(&self.program, Some(Grammar::V2));
        let read = Project::read_with_cache(&binary, &Self::reading(words), &self.env, None, &slot);
        let was_asked = fs::read_to_string(&self.log).is_ok_and(|log| log.contains("config"));
        if let Some(Some(cache)) = slot.get() {
            cache.keep();
        }
        (read.expect("a valid project"), was_asked)
    }

    /// What Compose prints now.
    fn fresh(&self, words: &[&str]) -> Project {
        let binary = ComposeBinary::new(&self.program, Some(Grammar::V2));
        Project::read(&binary, &Self::reading(words), &self.env, None).expect("a valid project")
    }

    fn is_kept(&self) -> bool {
        self.read(&["up", "-d"]);
        !self.read(&["up", "-d"]).1
    }

    fn entries(&self) -> Vec<PathBuf> {
        let directory = self.env.cache_directory().expect("a home").join("safe-compose/config");
        fs::read_dir(directory).into_iter().flatten().map(|entry| entry.expect("read").path()).collect()
    }

    fn write(&self, name: &str, content: &str) {
        write(&self.app.join(name), content, 0o644);
    }
}

/// Writes another content of the same length, with the same time of the last change.
fn replace_in_secret(path: &Path, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let before = fs::metadata(path).expect("there").modified().expect("known");
    let content = fs::read_to_string(path).expect("read").replace(from, to);
    fs::write(path, content).expect("written");
    fs::File::options().write(true).open(path).expect("open").set_modified(before).expect("set");
}

type Change = (&'static str, fn(&mut Stand));

const CHANGES: &[Change] = &[
    ("the file", |stand| stand.write("compose.yaml", &FILE.replace("/data", "/other"))),
    ("the file, in secret", |stand| {
        replace_in_secret(&stand.app.join("compose.yaml"), "data:/data", "data:/dat2");
    }),
    ("a new override", |stand| stand.write("compose.override.yaml", "services: { db: { image: other } }\n")),
    ("a preferred file", |stand| {
        fs::rename(stand.app.join("compose.yaml"), stand.app.join("docker-compose.yml")).expect("renamed");
    }),
    ("a new .env", |stand| stand.write(".env", "TAG=2\n")),
    ("the project's name", |stand| stand.write(".env", "COMPOSE_PROJECT_NAME=other\n")),
    ("another list of files", |stand| {
        stand.write("more.yaml", "services: { more: { image: busybox } }\n");
        stand.write(".env", "COMPOSE_FILE=compose.yaml:more.yaml\n");
    }),
    ("an env_file", |stand| stand.write("db.env", "FROM_FILE=new\n")),
    ("an optional env_file", |stand| stand.write("maybe.env", "MAYBE=yes\n")),
    ("the program", |stand| {
        let script = fs::read_to_string(&stand.program).expect("read");
        write(&stand.program, script.replace("exec", "TAG=9 exec"), 0o755);
    }),
    ("docker's configuration", |stand| {
        let home = stand.env.home.clone().expect("a home");
        write(&home.join(".docker/config.json"), r#"{"auths":{}}"#, 0o644);
    }),
    ("the directory", |stand| {
        let other = stand.app.join("sub");
        fs::create_dir(&other).expect("made");
        fs::copy(stand.app.join("compose.yaml"), other.join("compose.yaml")).expect("copied");
        fs::copy(stand.app.join("db.env"), other.join("db.env")).expect("copied");
        let home = stand.env.home.clone().expect("a home");
        write(&home.join("directory"), other.display().to_string(), 0o644);
        stand.env.current_dir = other;
    }),
];

#[test]
fn an_unchanged_project_is_not_rendered_again() {
    let Some(stand) = Stand::new(FILE, "") else { return };
    let (first, was_asked) = stand.read(&["up", "-d"]);
    assert!(was_asked);
    let (second, was_asked) = stand.read(&["up", "-d"]);
    assert!(!was_asked, "{}", fs::read_to_string(&stand.log).unwrap_or_default());
    assert_eq!(first, second);
    assert_eq!(second, stand.fresh(&["up", "-d"]));
    assert!(!stand.read(&["down"]).1, "the subcommand does not matter");
    assert!(stand.read(&["--profile", "tools", "up", "-d"]).1, "a profile does");
    assert!(stand.read(&["-p", "other", "up", "-d"]).1, "a name does");
    assert!(!stand.read(&["--profile", "tools", "up", "-d"]).1, "each has its own entry");
}

#[test]
fn whatever_decides_the_configuration_makes_compose_render_it_again() {
    for (change, apply) in CHANGES {
        let Some(mut stand) = Stand::new(FILE, "") else { return };
        stand.write(".env", "# nothing\n");
        assert!(stand.is_kept(), "{change}: before");
        apply(&mut stand);
        let (read, was_asked) = stand.read(&["up", "-d"]);
        assert!(was_asked, "{change}");
        assert_eq!(read, stand.fresh(&["up", "-d"]), "{change}");
    }
}

#[test]
fn what_leads_to_other_files_is_rendered_every_time() {
    for (file, more) in [
        ("include: [more.yaml]\nservices: {}\n", "services: { a: { image: x } }\n"),
        (
            "services: { a: { extends: { file: more.yaml, service: a } } }\n",
            "services: { a: { image: x } }\n",
        ),
        ("services: { a: { image: x, env_file: \"${NAME:-more.yaml}\" } }\n", "A=b\n"),
    ] {
        let Some(stand) = Stand::new(file, "") else { return };
        stand.write("more.yaml", more);
        assert!(!stand.is_kept(), "{file}");
        assert_eq!(stand.entries(), Vec::<PathBuf>::new(), "{file}");
    }
}

#[test]
fn a_file_that_changes_while_compose_reads_it_is_not_kept() {
    let change = "case \"$*\" in *config*) echo '# later' >>compose.yaml;; esac";
    let Some(stand) = Stand::new(FILE, change) else { return };
    assert!(!stand.is_kept());
}

#[test]
fn only_versions_whose_reads_are_known_are_kept() {
    for (version, kept) in
        [("2.40.3", true), ("v2.26.1", true), ("2.25.0", false), ("5.0.0", false), ("dev", false)]
    {
        let before = format!("[ \"$1\" = version ] && echo {version} && exit");
        let Some(stand) = Stand::new(FILE, &before) else { return };
        assert_eq!(stand.is_kept(), kept, "{version}");
    }
}

#[test]
fn an_entry_is_private_and_shows_no_secret() {
    let Some(stand) = Stand::new(FILE, "") else { return };
    stand.read(&["up", "-d"]);
    let entries = stand.entries();
    let [entry] = entries.as_slice() else { panic!("one entry: {entries:?}") };
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(entry), mode(entry.parent().expect("a directory"))), (0o600, 0o700));
    let bytes = fs::read(entry).expect("read");
    assert!(contains(&bytes, b"db.env"), "the files that were read are listed");
    assert!(!contains(&bytes, b"hunter2") && !contains(&bytes, b"busybox"));

    fs::set_permissions(entry, fs::Permissions::from_mode(0o644)).expect("set");
    assert!(stand.read(&["up", "-d"]).1, "anybody may have read it");
    let mut damaged = fs::read(entry).expect("read");
    *damaged.last_mut().expect("not empty") ^= 1;
    write(entry, damaged, 0o600);
    assert!(stand.read(&["up", "-d"]).1, "a damaged entry");
    assert!(!stand.read(&["up", "-d"]).1, "it was replaced");
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|part| part == text)
}

#[test]
fn without_a_home_nothing_is_kept() {
    let Some(mut stand) = Stand::new(FILE, "") else { return };
    stand.env.home = None;
    stand.read(&["up", "-d"]);
    assert!(stand.read(&["up", "-d"]).1);
}
