//! A secret in every place that secrets come from, searched for in everything that is printed, logged and written.
//!
//! What may have it: the files that it comes from, and the data of the services.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::bare::Bare;
use crate::support::scratch::ran;
use crate::support::{Compose, Scratch};

/// Whether a file may have secrets: it is one that the user wrote, or an archive of the data.
fn is_a_source(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_data = name.ends_with(".tar.zst") || name.ends_with(".tar") || name.ends_with(".snapshot");
    let by_user = ["docker-compose.yml", ".env", "more.env", "repository-password", "token", "secret.txt"];
    is_data || by_user.contains(&name.as_ref())
}

const FILE: &str = r#"
x-safe-compose:
  backup:
    repository: { url: "./repository", password_file: repository-password }
  hooks:
    after_backup: [sh, -c, "env >hook.env; cat >hook.json"]
    before_backup: [sh, -c, "exit 0"]
  notify:
    - { kind: webhook, url: "http://127.0.0.1:9/canary-in-a-path?token=canary-in-a-query", token_file: token, events: [after_backup, on_refusal] }
    - { kind: ntfy, url: "http://user:canary-of-ntfy@127.0.0.1:9/topic", token_env: OUR_TOKEN, events: [after_backup, on_refusal] }
    - { kind: healthchecks, url: "http://127.0.0.1:9/${CHECK}", events: [after_backup, on_failure] }
secrets:
  file: { file: ./secret.txt }
services:
  db:
    image: IMAGE
    environment:
      POSTGRES_PASSWORD: canary-in-the-environment
      DATABASE_URL: "postgres://app:canary-in-a-url@db/app"
      FROM_DOTENV: "${DOTENV}"
    env_file: more.env
    secrets: [file]
    labels: { traefik.auth: canary-in-a-label }
    command: [ /bin/sh, -c, "trap 'exit 0' TERM; while :; do /bin/busybox sleep 1 & wait $$!; done" ]
    volumes: [ "data:/data" ]
  qdrant:
    image: QDRANT_IMAGE
    environment: { QDRANT__SERVICE__API_KEY: canary-of-qdrant, QDRANT__TELEMETRY_DISABLED: "true" }
    volumes: [ "vectors:/qdrant/storage" ]
volumes: { data: {}, vectors: {} }
"#;

const VARIABLES: &[(&str, &str)] = &[
    ("OUR_TOKEN", "canary-of-a-token-variable"),
    ("CHECK", "canary-of-a-check"),
    ("SAFE_COMPOSE_QDRANT_API_KEY", "canary-of-qdrant"),
    ("SAFE_COMPOSE_REPOSITORY_PASSWORD", "canary-of-the-repository"),
    ("RESTIC_REST_USERNAME", "user"),
    ("RESTIC_REST_PASSWORD", "canary-of-rest"),
    ("AWS_ACCESS_KEY_ID", "AKIACANARY"),
    ("AWS_SECRET_ACCESS_KEY", "canary-of-aws"),
    ("AWS_SESSION_TOKEN", "canary-of-a-session"),
];

/// Command lines, each run with everything logged.
const LINES: &[&str] = &[
    "trust",
    "repository init",
    "backup",
    "backup db --no-such-flag canary-as-an-argument",
    "backups",
    "backups show latest",
    "backups list --format json",
    "status",
    "status --format json",
    "check",
    "check --format json",
    "lint",
    "versions",
    "verify",
    "verify --format json",
    "repository check",
    "backups --repository",
    "--safe-plan down -v",
    "--safe-plan --safe-format=json down -v",
    "run --rm -e PASSWORD=canary-of-run --no-deps db true",
    "down -v",
    "restore",
    "undo",
    "history",
    "history --format json",
    "up -d",
    "down",
];

#[test]
fn no_secret_is_printed_logged_or_written() {
    let Some(bare) = Bare::new("secrets") else { return };
    let Some(project) =
        Scratch::new(Compose::V2, &FILE.replace("image: IMAGE", &format!("image: {}", bare.image(&[]))))
    else {
        return;
    };
    for (name, content) in [
        (".env", "DOTENV=canary-in-dotenv\n"),
        ("more.env", "MORE=canary-in-an-env-file\n"),
        ("token", "canary-in-a-token-file"),
        ("repository-password", "canary-of-the-repository"),
        ("secret.txt", "canary-in-a-secret"),
    ] {
        fs::write(project.path(name), content).expect("written");
        fs::set_permissions(project.path(name), fs::Permissions::from_mode(0o600)).expect("set");
    }
    let mut up = project.plain_command(&["up", "-d"]);
    up.env("CHECK", "canary-of-a-check");
    ran(up).exits(0);
    let (mut leaks, mut session) = (Vec::new(), String::new());
    let mut look = |what: &str, bytes: &[u8]| {
        for at in memchr::memmem::find_iter(bytes, b"canary-") {
            let from = at.saturating_sub(100);
            let near = String::from_utf8_lossy(&bytes[from..bytes.len().min(at + 60)]).into_owned();
            leaks.push(format!("{what}: {near}"));
        }
    };
    for line in LINES {
        for level in ["trace", "off"] {
            let text = safe(&project, line, level);
            let is_digit = |letter: char| letter.is_ascii_hexdigit();
            let asks = text
                .split("--safe-allow=")
                .map(|rest| &rest[..rest.find(|letter| !is_digit(letter)).unwrap_or(rest.len())])
                .find(|token| token.len() >= 12)
                .map(str::to_owned);
            look(&format!("{line} ({level})"), text.as_bytes());
            if level == "off" {
                session.push_str(&format!("$ {line}\n{text}\n"));
            }
            if let Some(token) = asks.filter(|_| !line.contains("plan")) {
                let line = format!("--safe-allow={token} {line}");
                let text = safe(&project, &line, level);
                look(&line, text.as_bytes());
                session.push_str(&format!("$ {line}\n{text}\n"));
            }
        }
    }
    let host = "tcp://user:canary-in-the-host@127.0.0.1:9";
    for line in ["backup", "--safe-plan down -v", "status", "down -v"] {
        let mut command = project.safe_command(
            &shell_words::split(line).expect("words").iter().map(String::as_str).collect::<Vec<_>>(),
        );
        command.env("DOCKER_HOST", host).env("SAFE_COMPOSE_LOG", "trace");
        let said = ran(command);
        assert_ne!(said.code, 0, "{line}");
        look(&format!("{line} on another host"), format!("{}{}", said.stdout, said.stderr).as_bytes());
    }
    for path in files_below(&project.path(".")).into_iter().filter(|path| !is_a_source(path)) {
        look(&path.display().to_string(), path.as_os_str().as_encoded_bytes());
        let content = fs::read(&path).unwrap_or_default();
        // The user's own variables are the hook's, too; those of which the settings say that they are secrets are not.
        let content = String::from_utf8_lossy(&content).replace("CHECK=canary-of-a-check\n", "");
        look(&path.display().to_string(), content.as_bytes());
    }
    assert!(project.path("hook.json").exists(), "no hook ran:\n{session}");
    assert!(
        !project.backups("db").is_empty() && !project.backups("qdrant").is_empty(),
        "nothing was backed up:\n{session}"
    );
    assert!(fs::read_dir(project.path("repository")).is_ok(), "nothing was copied:\n{session}");
    assert!(leaks.is_empty(), "{} leaks\n{}", leaks.len(), leaks.join("\n"));
}

/// Everything that a command prints.
fn safe(project: &Scratch, line: &str, level: &str) -> String {
    let words = shell_words::split(line).expect("words");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command: Command = project.safe_command(&words);
    command
        .envs(VARIABLES.iter().copied())
        .env("SAFE_COMPOSE_LOG", level)
        .env("XDG_CACHE_HOME", project.path(".cache"));
    let said = ran(command);
    let said = format!("{}{}", said.stdout, said.stderr);
    // What was typed is repeated by the parser of arguments to whoever typed it.
    said.replace("canary-as-an-argument", "")
}

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let below = |path: PathBuf| {
        let is_repository = path.file_name() == Some(OsStr::new("repository"));
        if path.is_dir() && !path.is_symlink() && !is_repository { files_below(&path) } else { vec![path] }
    };
    entries.flat_map(below).collect()
}
