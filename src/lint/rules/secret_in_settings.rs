//! Secrets in the settings.

use reqwest::Url;

use crate::lint::project::LintProject;
use crate::lint::rule::{RuleReport, rule};
use crate::lint::yaml::YamlNode;

rule! {
    /// Finds URLs with a password or a token under `x-safe-compose`.
    ///
    /// ## Why it matters
    ///
    /// Compose files are committed and shared. Whoever reads one can send notifications in your name, or read them.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// x-safe-compose:
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
}
