//! The command line of our own commands, as whole processes: without Docker, in front of a fake Compose.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use crate::requirements::missing;
use crate::support::write;

/// A project directory with a fake Compose V2 in front of which the program runs.
pub(crate) struct Stage {
    pub(crate) directory: TempDir,
    compose: PathBuf,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

const FILE: &str = "name: shop\nservices:\n  db:\n    image: postgres:17\n";

/// Answers what is asked of Compose, and writes every other call to the file `ran`.
const COMPOSE: &str = r#"#!/bin/sh
case " $* " in
    *" version --short "*) echo 2.40.3 ;;
    *" config "*) echo '{"name":"shop","services":{"db":{"image":"postgres:17","volumes":[{"type":"volume","source":"data","target":"/var/lib/postgresql/data"}]}},"volumes":{"data":{"name":"shop_data"}}}' ;;
    " __complete "*) printf 'up\tCreate and start containers\nps\tList containers\n:4\n' ;;
    " bakcup "* | " statsu "*) echo 'unknown docker command: "compose bakcup"' >&2; exit 1 ;;
    " --help " | " -h " | "  ") echo 'Usage:  docker compose [OPTIONS] COMMAND' ;;
    *) echo "$*" >> ran ;;
esac
"#;

impl Stage {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        write(&directory.path().join("compose.yaml"), FILE, 0o644);
        let compose = directory.path().join("bin/fake-compose");
        write(&compose, COMPOSE, 0o755);
        Self { directory, compose }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The fake Compose.
    pub(crate) fn compose(&self) -> &Path {
        &self.compose
    }

    /// The program, with no engine to reach.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_safe-compose"));
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path())
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
            .env("SAFE_COMPOSE_COMPOSE", &self.compose)
            .args(words);
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        ended(self.command(words))
    }
}

pub(crate) fn ended(mut command: Command) -> Ended {
    let output = command.output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Ended {
        code: output.status.code().expect("a code"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

#[test]
fn a_misspelled_command_of_ours_is_recognised() {
    let stage = Stage::new();
    let ended = stage.run(&["-p", "shop", "bakcup", "db"]);
    assert_eq!(ended.code, 64, "{ended:?}");
    assert!(ended.stderr.contains("unknown command `bakcup`"), "{ended:?}");
    assert!(ended.stderr.contains("safe-compose --project-name=shop backup"), "{ended:?}");
    assert!(!stage.path().join("ran").exists(), "nothing is run");
}

/// The fake Compose answers the question about every other word with success, as a newer Compose does for its commands.
/// Such a command may do anything, so it is not corrected, but guarded: without an engine it does not run.
#[test]
fn a_word_of_a_newer_compose_is_guarded_and_not_corrected() {
    let stage = Stage::new();
    for words in [&["statuz", "-q"][..], &["lints"]] {
        let ended = stage.run(words);
        assert_eq!(ended.code, 69, "{words:?} {ended:?}");
        assert!(ended.stderr.contains("the Docker Engine cannot be used"), "{ended:?}");
        assert!(!ended.stderr.contains("Did you mean"), "{ended:?}");
    }
    let ended = stage.run(&["ps"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let ran = std::fs::read_to_string(stage.path().join("ran")).expect("it was run");
    assert!(ran.lines().any(|line| line == "ps"), "{ran}");
    assert!(!ran.lines().any(|line| line == "statuz -q" || line == "lints"), "{ran}");
}

#[test]
fn help_is_about_the_program_as_it_was_called() {
    let stage = Stage::new();
    for words in [&["help", "backup"][..], &["backup", "--help"]] {
        let ended = stage.run(words);
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(ended.stdout.contains("Usage: safe-compose backup [OPTIONS] [SERVICE]..."), "{ended:?}");
        assert!(ended.stdout.contains("Examples:"), "{ended:?}");
    }
    let usage = stage.run(&["backups", "remove"]);
    assert_eq!(usage.code, 64, "{usage:?}");
    assert!(usage.stderr.contains("Usage: safe-compose backups"), "{usage:?}");
    for words in [&["help"][..], &["--help"], &["-h"], &[]] {
        let all = stage.run(words);
        assert!(all.stdout.starts_with("Usage:  docker compose"), "Compose's help comes first: {all:?}");
        assert!(all.stdout.contains("Additional commands:") && all.stdout.contains("export-data"), "{all:?}");
    }

    let mut plugin = stage.command(&["compose", "help", "backups", "prune"]);
    plugin.env("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND", "docker");
    let plugin = ended(plugin);
    assert!(plugin.stdout.contains("Usage: docker compose backups prune"), "{plugin:?}");
}

#[test]
fn the_version_of_the_program_is_not_composes() {
    let stage = Stage::new();
    let text = stage.run(&["--safe-version"]).stdout;
    assert!(text.starts_with(concat!("safe-compose ", env!("CARGO_PKG_VERSION"))), "{text}");
    for words in [&["--safe-version", "--safe-format=json"][..], &["--safe-version", "--format", "json"]] {
        let ended = stage.run(words);
        let value: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {ended:?}"));
        assert_eq!(value["format"], "safe-compose-version");
    }
    stage.run(&["version", "--format", "json"]);
    let ran = std::fs::read_to_string(stage.path().join("ran")).expect("it was run");
    assert_eq!(ran, "version --format json\n", "Compose's own command is handed over");
}

#[test]
fn the_global_format_is_that_of_the_command() {
    let stage = Stage::new();
    for words in [
        &["backups", "--format", "json"][..],
        &["--safe-format=json", "backups"],
        &["--safe-format", "json", "history"],
        &["backups", "--safe-format=json"],
        &["--safe-plan", "--safe-format=json", "backups", "prune"],
        &["--safe-format=json", "lint"],
        &["--safe-format=json", "lint", "--explain", "data-on-anonymous-volume"],
    ] {
        let ended = stage.run(words);
        serde_json::from_str::<Value>(&ended.stdout).unwrap_or_else(|e| panic!("{words:?}: {e}: {ended:?}"));
    }
    let own = stage.run(&["--safe-format=json", "backups", "--format", "text"]);
    assert!(own.stdout.starts_with("No backups in"), "the command's own flag takes precedence: {own:?}");
    for words in [&["--safe-format=json", "man"][..], &["--safe-format=json", "completions", "bash"]] {
        let ended = stage.run(words);
        assert_eq!((ended.code, ended.stdout.as_str()), (64, ""), "{ended:?}");
    }
}

#[test]
fn docker_gets_the_metadata_of_a_plugin_without_a_real_one() {
    let stage = Stage::new();
    let mut command = stage.command(&["docker-cli-plugin-metadata"]);
    command.env("SAFE_COMPOSE_COMPOSE", "/nonexistent");
    let ended = ended(command);
    let value: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e}: {ended:?}"));
    assert_eq!((ended.code, &value["SchemaVersion"]), (0, &Value::from("0.1.0")));
    assert!(value["Vendor"].as_str().is_some_and(|vendor| !vendor.is_empty()), "{value}");
}

/// `docker --config DIR` looks for its plugins in that directory, and so does its plugin.
#[test]
fn the_configuration_directory_of_docker_has_the_plugin_behind_us() {
    let stage = Stage::new();
    let behind = stage.path().join("other/cli-plugins/docker-compose");
    write(&behind, "#!/bin/sh\necho behind: \"$@\"\n", 0o755);
    for config in [&["--config", "other"][..], &["-D", "--config=other"]] {
        let words = [config, &["compose", "ps"]].concat();
        let mut command = stage.command(&words);
        command.env_remove("SAFE_COMPOSE_COMPOSE").env("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND", "docker");
        assert_eq!(ended(command).stdout, format!("behind: {}\n", words.join(" ")));
    }
}

#[test]
fn a_flag_without_an_effect_is_refused() {
    let stage = Stage::new();
    for words in [
        &["--safe-skip-backup", "restore"][..],
        &["--safe-skip-checks", "backups"],
        &["--safe-allow=0123456789ab", "backup"],
        &["--safe-skip-backup", "lint"],
    ] {
        let ended = stage.run(words);
        assert_eq!(ended.code, 64, "{words:?}: {ended:?}");
        assert!(ended.stderr.contains("cannot be used with this command"), "{ended:?}");
    }
}

#[test]
fn man_pages_are_printed_or_written() {
    let stage = Stage::new();
    let printed = stage.run(&["man"]).stdout;
    assert!(printed.contains(".TH safe-compose 1") && printed.contains("backups"), "{printed}");
    let ended = stage.run(&["man", "--directory", "pages"]);
    assert_eq!(ended.code, 69, "the directory does not exist: {ended:?}");
    std::fs::create_dir(stage.path().join("pages")).expect("created");
    let ended = stage.run(&["man", "--directory", "pages"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    for page in ["safe-compose.1", "safe-compose-backup.1", "safe-compose-export-data.1"] {
        assert!(stage.path().join("pages").join(page).is_file(), "{page}");
    }
}

#[test]
fn own_commands_need_no_compose_for_their_help() {
    let stage = Stage::new();
    let mut command = stage.command(&["backup", "--help"]);
    command.env("SAFE_COMPOSE_COMPOSE", "/nonexistent");
    assert_eq!(ended(command).code, 0);
}

/// Under sudo, what is created belongs to whoever owns the directory around it, and otherwise to root.
#[test]
fn new_files_under_sudo_belong_to_the_owner_of_their_directory() {
    use std::os::unix::fs::{MetadataExt as _, chown};

    let dir = tempfile::tempdir().expect("a directory");
    if chown(dir.path(), Some(12_345), Some(54_321)).is_err() {
        return missing("a change of owner");
    }
    let owner = |path: &Path| path.metadata().map(|meta| (meta.uid(), meta.gid())).expect("there");
    let written = |variables: &[(&str, &str)]| {
        let directory = tempfile::tempdir_in(dir.path()).expect("a directory");
        chown(directory.path(), Some(12_345), Some(54_321)).expect("root may");
        let mut command = Command::new(env!("CARGO_BIN_EXE_safe-compose"));
        command.args(["man", "--directory", "."]).current_dir(directory.path());
        command.env_remove("SUDO_UID").env_remove("SUDO_GID").envs(variables.iter().copied());
        command.assert().success();
        owner(&directory.path().join("safe-compose.1"))
    };
    assert_eq!(written(&[("SUDO_UID", "1000"), ("SUDO_GID", "1000")]), (12_345, 54_321));
    let own = dir.path().join("own");
    std::fs::write(&own, "").expect("written");
    assert_eq!(written(&[]), owner(&own));
    assert_eq!(written(&[("SUDO_UID", "1000")]), owner(&own));
}
