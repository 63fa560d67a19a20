//! A command that deletes data at every start.

use crate::lint::project::{CommandWords, LintProject, LintService};
use crate::lint::rule::{RuleReport, rule};

rule! {
    /// Finds a command or entry point that deletes data at every start.
    ///
    /// ## Why it matters
    ///
    /// A reset that is convenient in development also runs after every reboot and every update.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     entrypoint: ["sh", "-c", "rm -rf /var/lib/postgresql/data/* && exec docker-entrypoint.sh postgres"]
    ///     volumes: ["data:/var/lib/postgresql/data"]
    /// volumes:
    ///   data:
    /// ```
    ///
    /// ```yaml
    /// services:
    ///   cache:
    ///     image: redis:8
    ///     volumes: ["data:/data"]
    ///   clean:
    ///     image: redis:8
    ///     command: redis-cli -h cache FLUSHALL
    /// volumes:
    ///   data:
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// services:
    ///   db:
    ///     image: postgres:17
    ///     entrypoint: ["sh", "-c", "rm -f /tmp/ready && exec docker-entrypoint.sh postgres"]
    ///     volumes: ["data:/var/lib/postgresql/data"]
    /// volumes:
    ///   data:
    /// ```
    "data-wiped-by-command", Error, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    for service in &project.services {
        for words in service.command.iter().chain(&service.entrypoint) {
            if let Some(effect) = wipes(service, words) {
                report
                    .for_service(
                        service,
                        words.span,
                        format!("every start of `{}` {effect}", service.name.as_str()),
                    )
                    .help("Run it by hand when needed, after a backup.");
            }
        }
    }
}

fn wipes(service: &LintService, words: &CommandWords) -> Option<String> {
    let flat = words.flat();
    let mut commands = vec![Vec::new()];
    for word in &flat {
        let end = word.ends_with(';');
        let word = word.trim_end_matches(';');
        if matches!(word, "&&" | "||" | "|" | "&" | "") {
            commands.push(Vec::new());
            continue;
        }
        if let Some(last) = commands.last_mut() {
            last.push(word);
        }
        if end {
            commands.push(Vec::new());
        }
    }
    commands.iter().find_map(|command| effect_of(service, command))
}

fn effect_of(service: &LintService, command: &[&str]) -> Option<String> {
    let start = command
        .iter()
        .position(|word| !matches!(*word, "exec" | "sudo" | "then" | "do" | "sh" | "bash" | "-c"))?;
    let (program, args) = command[start..].split_first()?;
    let name = program.rsplit('/').next().unwrap_or(program);
    let has = |wanted: &str| args.iter().any(|word| word.eq_ignore_ascii_case(wanted));
    match name {
        "rm" => {
            let recursive = args.iter().any(|word| {
                word.starts_with('-') && !word.starts_with("--") && word.contains(['r', 'R'])
                    || *word == "--recursive"
            });
            let path =
                args.iter().filter(|word| !word.starts_with('-')).find(|path| is_data(service, path))?;
            recursive.then(|| format!("deletes `{path}`"))
        }
        "find" if has("-delete") => {
            let path = args.iter().find(|path| is_data(service, path))?;
            Some(format!("deletes files below `{path}`"))
        }
        "redis-cli" | "valkey-cli" | "keydb-cli" if has("FLUSHALL") || has("FLUSHDB") => {
            Some("empties the database (`FLUSHALL`)".to_owned())
        }
        "dropdb" => Some("drops a database (`dropdb`)".to_owned()),
        "mkfs" | "mkfs.ext4" | "mkfs.xfs" => Some("creates a new file system".to_owned()),
        "prisma" if has("reset") => Some("drops the database (`prisma migrate reset`)".to_owned()),
        "npx" | "pnpm" | "yarn" if has("prisma") && (has("reset") || has("--force-reset")) => {
            Some("drops the database (`prisma … reset`)".to_owned())
        }
        "rails" | "rake" if has("db:reset") || has("db:drop") || has("db:schema:load") => {
            Some("drops the database (`db:reset`, `db:drop` or `db:schema:load`)".to_owned())
        }
        "bundle" if has("db:reset") || has("db:drop") => Some("drops the database (`db:reset`)".to_owned()),
        "php" | "artisan" if has("migrate:fresh") || has("db:wipe") => {
            Some("drops every table (`migrate:fresh`)".to_owned())
        }
        "python" | "python3" | "manage.py" if has("flush") && (name == "manage.py" || has("manage.py")) => {
            Some("empties the database (`manage.py flush`)".to_owned())
        }
        "etcdctl" if has("del") && has("--prefix") => Some("deletes keys from etcd".to_owned()),
        "cockroach" | "etcd" if has("--force-new-cluster") => {
            Some("creates a new cluster of one member".to_owned())
        }
        "qdrant" if has("--force-snapshot") || has("-f") => {
            Some("replaces collections with a snapshot (`--force-snapshot`)".to_owned())
        }
        "psql" | "mysql" | "mariadb" | "mongosh" | "mongo" | "clickhouse-client" => {
            let drops = args.iter().any(|word| {
                let word = word.to_ascii_lowercase();
                word == "drop"
                    || word.contains("drop database")
                    || word.contains("dropdatabase")
                    || word.contains("drop schema")
            });
            (drops
                && (has("database")
                    || has("schema")
                    || args.iter().any(|word| word.to_ascii_lowercase().contains("dropdatabase"))))
            .then(|| "drops a database".to_owned())
        }
        _ => None,
    }
}

/// Whether a path is on a persistent mount of the service, or above one.
fn is_data(service: &LintService, path: &str) -> bool {
    let path = path.trim_end_matches("/*").trim_end_matches("/.").trim_end_matches('/');
    let path = if path.is_empty() { "/" } else { path };
    let base = path.trim_end_matches('*').trim_end_matches('/');
    let mounted = service.mounts.iter().filter(|mount| !mount.read_only && mount.source_text().is_some());
    path.starts_with('/')
        && mounted
            .filter_map(|mount| mount.path())
            .any(|target| base == target || target.starts_with(&format!("{base}/")))
}
