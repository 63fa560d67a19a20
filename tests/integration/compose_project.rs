//! Reads projects with the real Composes, and with a stand-in where their answers do not matter.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use safe_compose::compose::binary::ComposeBinary;
use safe_compose::compose::grammar::Grammar;
use safe_compose::compose::invocation::{Caller, Invocation};
use safe_compose::compose::model::{DeclaredSource, Model};
use safe_compose::compose::project::{Project, ProjectError, reads_stdin};
use safe_compose::env::Env;

use crate::support::{real_compose, write};

const FILE: &str = r#"
version: "3.8"
x-safe-compose: { volumes: { cache: { disposable: true } } }
services:
  db:
    image: busybox
    environment: { UNSET: "${SAFE_COMPOSE_TEST_UNSET}" }
    volumes: ["data:/data", "./here:/b:ro", "/anon"]
  prof: { image: busybox, profiles: [extra], volumes: ["pdata:/p"] }
volumes: { data: {}, pdata: {}, unused: {}, far: { external: true, name: elsewhere } }
"#;

/// Reads a project as a command in a directory would. Paths are given absolute, since tests share one directory.
struct Ask<'a> {
    grammar: Grammar,
    binary: &'a Path,
    env: Env,
}

impl Ask<'_> {
    fn read(&self, words: &[&str], stdin: Option<&[u8]>) -> Result<Project, ProjectError> {
        let words = words.iter().map(OsString::from).collect();
        let reading = Invocation::parse(words).expect("sound").read(self.grammar);
        assert_eq!(reads_stdin(&reading, &self.env), stdin.is_some());
        let binary = ComposeBinary::new(self.binary, Some(self.grammar));
        Project::read(&binary, &reading, &self.env, stdin)
    }
}

fn directory(file: &str) -> (tempfile::TempDir, PathBuf, String) {
    let root = tempfile::tempdir().expect("a directory");
    let app = root.path().canonicalize().expect("there").join("My.App");
    write(&app.join("docker-compose.yml"), file, 0o644);
    let path = app.join("docker-compose.yml").to_str().expect("plain").to_owned();
    (root, app, path)
}

fn ask(grammar: Grammar, binary: &Path) -> Ask<'_> {
    Ask { grammar, binary, env: Env { current_dir: "/".into(), ..Env::default() } }
}

#[test]
fn both_composes_tell_the_same_project() {
    for grammar in [Grammar::V1, Grammar::V2] {
        let Some(binary) = real_compose(grammar) else { continue };
        let (_root, app, file) = directory(FILE);
        let project = ask(grammar, &binary).read(&["-f", &file, "down"], None).expect("a sound project");
        assert_eq!((project.name.as_str(), &project.directory), ("myapp", &app), "{grammar}");
        assert!(!project.label_mode && project.nearby.is_none());
        let model = project.model.expect("a file");
        assert_eq!(model.services.keys().collect::<Vec<_>>(), ["db"], "{grammar}");
        assert_eq!(model.volumes["data"].name, "myapp_data");
        assert_eq!(
            model.settings,
            Some(serde_json::json!({ "volumes": { "cache": { "disposable": true } } }))
        );
        let mounts: Vec<_> = model.services["db"].mounts.iter().map(|mount| mount.source.clone()).collect();
        assert_eq!(
            mounts,
            [
                DeclaredSource::Named { key: "data".into(), subpath: None },
                DeclaredSource::Bind { path: app.join("here"), create_host_path: true },
                DeclaredSource::Anonymous,
            ],
            "{grammar}"
        );
        assert!(model.services["db"].mounts[1].read_only);

        let everything = project.everything.expect("a file");
        assert_eq!(everything.services.keys().collect::<Vec<_>>(), ["db", "prof"], "{grammar}");
        assert_eq!(everything.volumes["pdata"].name, "myapp_pdata");
        assert_eq!(everything.volumes["unused"].name, "myapp_unused", "{grammar}");
        assert!(
            everything.volumes["far"].external && everything.volumes["far"].name == "elsewhere",
            "{grammar}"
        );
        assert!(project.warnings.iter().any(|line| line.contains("SAFE_COMPOSE_TEST_UNSET")), "{grammar}");
    }
}

#[test]
fn profiles_names_and_files_are_those_of_the_command() {
    for grammar in [Grammar::V1, Grammar::V2] {
        let Some(binary) = real_compose(grammar) else { continue };
        let (_root, app, file) = directory(FILE);
        let ask = ask(grammar, &binary);
        let project =
            ask.read(&["-f", &file, "-p", "other", "--profile", "extra", "up"], None).expect("sound");
        assert_eq!((project.name.as_str(), &project.directory), ("other", &app));
        let model = project.model.expect("a file");
        assert_eq!(model.services.len(), 2, "{grammar}");
        assert_eq!(model.volumes["pdata"].name, "other_pdata");

        let piped = ask.read(&["-f", "-", "-p", "piped", "up"], Some(FILE.as_bytes())).expect("sound");
        assert_eq!(piped.model.expect("a file").volumes["data"].name, "piped_data", "{grammar}");
    }
}

#[test]
fn a_wrong_file_is_told_in_composes_own_words() {
    for grammar in [Grammar::V1, Grammar::V2] {
        let Some(binary) = real_compose(grammar) else { continue };
        let (_root, _, file) = directory("services: { db: { image: x, nonsense: true } }\n");
        let error = ask(grammar, &binary).read(&["-f", &file, "down"], None).expect_err("a wrong file");
        assert!(
            matches!(&error, ProjectError::Refused { code: 1, stderr } if stderr.contains("nonsense")),
            "{error:?}"
        );
    }
}

#[test]
fn a_missing_env_file_does_not_hide_the_volumes() {
    let Some(binary) = real_compose(Grammar::V2) else { return };
    let (_root, _, file) = directory(
        "services: { db: { image: x, env_file: nowhere.env, volumes: ['data:/d'] } }\nvolumes: { data: { name: '${SAFE_COMPOSE_TEST_UNSET:-kept}' } }\n",
    );
    let project =
        ask(Grammar::V2, &binary).read(&["-f", &file, "down", "-v"], None).expect("`down` runs as well");
    assert_eq!(project.model.expect("a file").volumes["data"].name, "kept");
    assert_eq!(project.everything.expect("a file").services.len(), 1);
}

#[test]
fn with_a_name_and_no_file_v2_goes_by_labels() {
    let Some(binary) = real_compose(Grammar::V2) else { return };
    let mut ask = ask(Grammar::V2, &binary);
    for command in ["down", "stop", "rm", "start", "restart", "kill", "wait", "cp"] {
        let project = ask.read(&["-p", "Some-Name", command], None).expect("no file is needed");
        assert!(project.label_mode && project.model.is_none() && project.everything.is_none(), "{command}");
        assert_eq!(project.name, "some-name");
    }
    let up = ask.read(&["-p", "some-name", "--project-directory", "/nowhere", "up"], None);
    assert!(matches!(up, Err(ProjectError::Refused { .. })), "`up` reads a file");
    let (_root, _, file) = directory(FILE);
    assert!(!ask.read(&["-p", "x", "-f", &file, "down"], None).expect("sound").label_mode);
    // The name in the environment counts only when no file can be read.
    ask.env.compose_project_name = Some("from-env".into());
    let project = ask.read(&["--project-directory", "/nowhere", "down"], None).expect("the name is enough");
    assert!(project.label_mode && project.name == "from-env");
    assert!(!ask.read(&["-f", &file, "down"], None).expect("sound").label_mode);
}

/// A comment with the word `profiles` makes no difference to Compose, and makes the program ask for both renderings.
#[test]
fn one_rendering_says_the_same_as_two() {
    let Some(binary) = real_compose(Grammar::V2) else { return };
    let files = [
        r#"
services:
  db: { image: busybox, environment: { UNSET: "${SAFE_COMPOSE_TEST_UNSET}" }, volumes: ["data:/data", "./here:/b", "/anon"] }
  copy: { image: busybox, volumes_from: [db], depends_on: [db], deploy: { replicas: 0 } }
volumes: { data: {}, unused: {}, far: { external: true, name: elsewhere }, mounted: { name: fixed } }
"#,
        "services: { db: { build: ., volumes: [{ type: volume, source: data, target: /d, read_only: true }] } }\nvolumes: { data: }\n",
        "services: {}\nvolumes: { unused: {} }\n",
    ];
    for text in files {
        let (_once, _, one) = directory(text);
        let (_twice, _, two) = directory(&format!("{text}\n# profiles\n"));
        let read = |file: &str| {
            let place = Path::new(file).parent().expect("a directory").to_str().expect("plain").to_owned();
            let project = ask(Grammar::V2, &binary).read(&["-f", file, "down"], None).expect("sound");
            // The two files are in different directories.
            format!("{:#?} {:#?}", project.model, project.everything).replace(&place, "")
        };
        assert_eq!(read(&one), read(&two), "{text}");
    }
}

#[test]
fn compose_renders_a_file_without_profiles_once() {
    let root = tempfile::tempdir().expect("a directory");
    let (binary, log) = (root.path().join("docker-compose"), root.path().join("log"));
    let rendered = |service: &str| {
        format!(
            r#"{{"name": "x", "services": {{"db": {service}}}, "volumes": {{"data": {{"name": "x_data"}}, "unused": {{"name": "x_unused"}}}}}}"#
        )
    };
    let calls = |file: &str, service: &str| {
        let answer = rendered(service);
        write(&binary, format!("#!/bin/sh\necho \"$*\" >>{}\necho '{answer}'\n", log.display()), 0o755);
        let (_root, _, file) = directory(file);
        let project = ask(Grammar::V2, &binary).read(&["-f", &file, "down"], None).expect("it answers");
        let calls = std::fs::read_to_string(&log).expect("it was run").lines().count();
        std::fs::remove_file(&log).expect("removed");
        (calls, project)
    };
    let mounts = r#"{"volumes": [{"type": "volume", "source": "data", "target": "/d"}]}"#;
    let (count, project) = calls("services: {}\n", mounts);
    assert_eq!(count, 1);
    let keys = |model: Option<Model>| model.expect("a file").volumes.into_keys().collect::<Vec<_>>();
    assert_eq!(keys(project.model), ["data"]);
    assert_eq!(keys(project.everything), ["data", "unused"]);
    // A file that names profiles, and one that includes a service with a profile.
    assert_eq!(calls("services: { db: { profiles: [a] } }\n", mounts).0, 2);
    assert_eq!(calls("include: [other.yaml]\n", r#"{"profiles": ["a"]}"#).0, 2);
}

#[test]
fn compose_is_asked_with_the_words_that_choose_the_project() {
    let root = tempfile::tempdir().expect("a directory");
    let binary = root.path().join("docker-compose");
    let log = root.path().join("log");
    let script = format!("#!/bin/sh\necho \"$*\" >>{}\necho '{{\"name\": \"x\"}}'\n", log.display());
    write(&binary, script, 0o755);
    let asked = |caller: Caller, line: &str| {
        let words = line.split_whitespace().map(OsString::from).collect();
        let reading = Invocation::parse_from(caller, words).expect("sound").read(Grammar::V2);
        let env = Env { current_dir: root.path().into(), ..Env::default() };
        let project =
            Project::read(&ComposeBinary::new(&binary, None), &reading, &env, None).expect("it answers");
        assert_eq!(project.name, "x");
        let said = std::fs::read_to_string(&log).expect("it was run");
        std::fs::remove_file(&log).expect("removed");
        let mut said: Vec<String> = said.lines().map(str::to_owned).collect();
        said.sort();
        said
    };
    assert_eq!(
        asked(Caller::Person, "--context far --ansi never -f a -p n --dry-run down -v db"),
        [
            "--context=far --file=a --project-name=n --profile=* --all-resources config --format json",
            "--context=far --file=a --project-name=n config --format json",
        ]
    );
    assert_eq!(
        asked(Caller::Docker, "-c far -D compose -f a up -d")[1],
        "--context=far compose --file=a config --format json"
    );
}
