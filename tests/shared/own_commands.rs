//! Command lines of every own command, for the tests that run each as a dry run.
//!
//! The list of commands is clap's own: a new command fails these tests until it is added here. `x.json` is a portable
//! file, `latest` a backup, and `data` a volume.

/// Command lines that change something, or that read where the command only reads, by the command's name.
fn lines(name: &str) -> &'static [&'static [&'static str]] {
    match name {
        "backup" => {
            &[&["backup"], &["backup", "--all"], &["backup", "--prove"], &["backup", "--format", "jsonl"]]
        }
        "backups" => &[
            &["backups"],
            &["backups", "list"],
            &["backups", "show", "latest"],
            &["backups", "pin", "latest"],
            &["backups", "unpin", "latest"],
            &["backups", "prune"],
            &["backups", "prune", "--all"],
        ],
        "restore" => &[&["restore"], &["restore", "x.json"]],
        "undo" => &[&["undo"], &["undo", "1"]],
        "upgrade" => &[&["upgrade", "db"], &["upgrade", "qdrant"]],
        "export-data" => &[&["export-data"], &["export-data", "--file-format", "jsonl"]],
        "import-data" => &[&["import-data", "x.json"], &["import", "x.json"]],
        "verify" => &[
            &["verify"],
            &["verify", "--all"],
            &["verify", "--accept"],
            &["verify", "latest"],
            &["verify", "latest", "--prove"],
            &["verify", "--repository"],
            &["verify", "--repository", "latest"],
            &["verify", "--repository", "--prove"],
        ],
        "check" => &[&["check"], &["check", "--all"]],
        "protect" => &[&["protect"], &["protect", "data"]],
        "unprotect" => &[&["unprotect", "data"]],
        "repository" => &[
            &["repository", "init"],
            &["repository", "copy"],
            &["repository", "prune"],
            &["repository", "check"],
        ],
        "trust" => &[&["trust"], &["trust", "--show"], &["trust", "--revoke"]],
        "status" => &[&["status"], &["status", "--all"]],
        "history" => &[&["history"]],
        "lint" => &[
            &["lint"],
            &["lint", "--fix"],
            &["lint", "--baseline", "known.json", "--write-baseline"],
            &["lint", "--scripts"],
        ],
        "setup" => &[
            &["setup"],
            &["setup", "plugin"],
            &["setup", "shim", "--yes"],
            &["setup", "alias", "bash", "zsh", "fish", "nushell"],
            &["setup", "hooks"],
            &["setup", "timer"],
            &["setup", "status"],
            &["setup", "remove"],
        ],
        "completions" => &[&["completions", "bash"]],
        "man" => &[&["man"], &["man", "--directory", "."]],
        other => panic!("`{other}` is not tried: add it here"),
    }
}

/// Every command of ours, by clap's own list.
fn commands() -> Vec<String> {
    let program = safe_compose::cli::command("safe-compose");
    program.get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// Every command line, of every command.
pub(crate) fn every_line() -> impl Iterator<Item = &'static [&'static str]> {
    commands().into_iter().flat_map(|name| lines(&name)).copied()
}

/// Whether a command line has a `--dry-run` of its own.
pub(crate) fn takes_dry_run(line: &[&str]) -> bool {
    let words = line.iter().skip(1).map(std::ffi::OsString::from).chain(["--dry-run".into()]).collect();
    safe_compose::cli::parse("safe-compose", line[0].into(), words).is_ok()
}
