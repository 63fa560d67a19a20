//! Secrets in the settings.

use reqwest::Url;

use crate::lint::project::LintProject;
use crate::lint::rule::{RuleReport, rule};
use crate::lint::yaml::YamlNode;

rule! {
    /// Finds passwords, tokens and keys under `x-safe-compose`.
    ///
    /// ## Why it matters
    ///
    /// Compose files are committed and shared. Whoever reads one can send notifications in your name, or reach the
    /// repository with your backups.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// x-safe-compose:
    ///   backup:
    ///     repository: { url: "rest:https://shop:hunter2@backup.example.com/shop" }
    ///   notify:
    ///     - { kind: webhook, url: "https://hooks.example.com/backup?token=tk_29c1e6c1b8" }
    /// services:
    ///   web: { image: "nginx:1.29" }
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// x-safe-compose:
    ///   backup:
    ///     repository: { url: "rest:https://backup.example.com/shop", password_file: /etc/backup/password }
    ///   notify:
    ///     - { kind: webhook, url: "https://hooks.example.com/backup", token_file: /etc/backup/token }
    /// services:
    ///   web: { image: "nginx:1.29" }
    /// ```
    "secret-in-settings", Warning, Project(check)
}

/// Names of query parameters with secrets.
const SECRET_PARAMETERS: &[&str] =
    &["token", "auth", "key", "apikey", "api_key", "secret", "password", "access_token"];

/// Programs that print their arguments.
const PRINTERS: &[&str] = &["echo", "printf", "/bin/echo", "/usr/bin/echo", "/usr/bin/printf"];

fn check(project: &LintProject, report: &mut RuleReport) {
    let Some(settings) = project.settings() else { return };
    let targets = settings.value.get("notify").map(YamlNode::items).unwrap_or_default();
    for url in targets.iter().filter_map(|target| target.get("url")) {
        if let Some(secret) = url.as_str().and_then(secret_in) {
            report
                .add(url.span, format!("the URL contains {secret}"))
                .help("Put it into a file outside of the project, and name that with `token_file`.");
        }
    }
    if let Some(repository) = settings.value.get("backup").and_then(|backup| backup.get("repository")) {
        check_repository(repository, report);
    }
}

fn check_repository(repository: &YamlNode, report: &mut RuleReport) {
    if let Some(url) = repository.get("url")
        && let Some((secret, instead)) = url.as_str().and_then(secret_in_repository)
    {
        report.add(url.span, format!("the address of the repository contains {secret}")).help(instead);
    }
    if let Some(password) = repository.get("password")
        && password.as_str().is_none_or(is_literal)
    {
        report
            .add(password.span, "the password of the repository is in the Compose file")
            .help("Put it into a file outside of the project, and name that with `password_file`.");
    }
    let command = repository.get("password_command").map(YamlNode::items).unwrap_or_default();
    if let [program, text, ..] = command
        && program.as_str().is_some_and(|program| PRINTERS.contains(&program))
        && text.as_str().is_some_and(is_literal)
    {
        report
            .add(text.span, "the password of the repository is in the command that prints it")
            .help("Put it into a file outside of the project, and name that with `password_file`.");
    }
}

/// What is secret in the address of a repository, and where it belongs.
fn secret_in_repository(address: &str) -> Option<(String, &'static str)> {
    if let Some(url) = address.strip_prefix("rest:") {
        let instead = "Set `RESTIC_REST_USERNAME` and `RESTIC_REST_PASSWORD` in the environment instead.";
        return secret_in(url).map(|secret| (secret, instead));
    }
    if let Some(url) = address.strip_prefix("s3:") {
        let url = if url.contains("://") { url.to_owned() } else { format!("https://{url}") };
        let instead = "Set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` in the environment instead.";
        return secret_in(&url).map(|secret| (secret, instead));
    }
    let instead = "Log in with an SSH key instead.";
    if address.starts_with("sftp://") {
        return secret_in(address).map(|secret| (secret, instead));
    }
    let (account, _) = address.strip_prefix("sftp:")?.split_once('@')?;
    let (_, password) = account.split_once(':')?;
    is_literal(password).then(|| ("a password".to_owned(), instead))
}

/// What is secret in a URL. A variable is none: its value is elsewhere.
fn secret_in(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    if url.password().is_some_and(is_literal) {
        return Some("a password".to_owned());
    }
    let is_secret = |name: &str| SECRET_PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(name));
    let found = url.query_pairs().find(|(name, value)| is_secret(name) && is_literal(value));
    found.map(|(name, _)| format!("the secret `{name}`"))
}

fn is_literal(value: &str) -> bool {
    !value.is_empty() && !value.contains("${") && !value.contains("$%7B") && !value.contains("%24")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_urls() {
        for (url, found) in [
            ("https://ntfy.example/topic", None),
            ("https://me@ntfy.example/topic", None),
            ("https://me:hunter2@ntfy.example/topic", Some("a password")),
            ("https://me:${PASSWORD}@ntfy.example/topic", None),
            ("https://gotify.example/message?Token=abc", Some("the secret `Token`")),
            ("https://gotify.example/message?token=${TOKEN}", None),
            ("https://example.com/?page=1", None),
        ] {
            assert_eq!(secret_in(url).as_deref(), found, "{url}");
        }
    }

    #[test]
    fn secrets_in_addresses_of_repositories() {
        for (address, is_found) in [
            ("./backups", false),
            ("/srv/a:b@c", false),
            ("rest:https://backup.example/shop", false),
            ("rest:https://me@backup.example/shop", false),
            ("rest:https://me:hunter2@backup.example/shop", true),
            ("rest:https://me:${REST_PASSWORD}@backup.example/shop", false),
            ("s3:s3.example/bucket", false),
            ("s3:https://s3.example/bucket", false),
            ("s3:https://AKIA:secret@s3.example/bucket", true),
            ("s3:AKIA:secret@s3.example/bucket", true),
            ("sftp:me@backup.example:/srv/shop", false),
            ("sftp:me:hunter2@backup.example:/srv/shop", true),
            ("sftp://me@backup.example:2222//srv/shop", false),
            ("sftp://me:hunter2@backup.example//srv/shop", true),
            ("rclone:remote:shop", false),
        ] {
            assert_eq!(secret_in_repository(address).is_some(), is_found, "{address}");
        }
    }
}
