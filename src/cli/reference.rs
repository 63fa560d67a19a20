//! The reference of our own commands, generated for `docs/cli.md`.

use clap::{Arg, ArgAction, Command};

use super::command;

/// The page, in Markdown.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Command-line reference

Generated from the program's own help. To rewrite this page:
`SAFE_COMPOSE_UPDATE_DOCS=1 cargo test --test integration cli_reference`.

These commands are added to those of Docker Compose. Compose's global flags (`-f`, `-p`, `--profile`, …) go before the
command. `--safe-plan` and Compose's `--dry-run` before a command have the effect of its own `--dry-run`, and
`--safe-format=json` that of `--format json`; a command's own flags take precedence. `--safe-version` prints the version
and the commit of the build; with `--safe-format=json`, the supported format versions too.
",
    );
    let program = command("safe-compose");
    for own in program.get_subcommands() {
        section(&mut page, own, 2);
    }
    page
}

fn section(page: &mut String, command: &Command, level: usize) {
    let name = command.get_bin_name().unwrap_or(command.get_name()).trim_start_matches("safe-compose ");
    page.push_str(&format!("\n{} {name}\n", "#".repeat(level)));
    let mut owned = command.clone();
    let usage = owned.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").lines().map(str::trim).collect::<Vec<_>>().join("\n");
    page.push_str(&format!("\n```text\n{usage}\n```\n"));
    if let Some(about) = command.get_long_about().or(command.get_about()) {
        page.push_str(&format!("\n{}\n", sentence(&about.to_string())));
    }
    let aliases: Vec<String> = command.get_visible_aliases().map(|alias| format!("`{alias}`")).collect();
    if !aliases.is_empty() {
        page.push_str(&format!("\nAlias: {}\n", aliases.join(", ")));
    }
    let rows: Vec<String> = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set() && argument.get_id() != "help")
        .map(row)
        .collect();
    if !rows.is_empty() {
        page.push_str("\n| argument | meaning |\n|---|---|\n");
        page.extend(rows);
    }
    if let Some(examples) = command.get_after_long_help() {
        let examples = examples.to_string();
        let lines = examples.lines().filter_map(|line| line.strip_prefix("  $ "));
        page.push_str(&format!(
            "\n```console\n{}\n```\n",
            lines.map(|line| format!("$ {line}")).collect::<Vec<_>>().join("\n")
        ));
    }
    for below in command.get_subcommands() {
        section(page, below, level + 1);
    }
}

/// The first line of a help text has no period, since it also stands alone in a list.
fn sentence(about: &str) -> String {
    let (first, rest) = about.split_once("\n\n").unwrap_or((about, ""));
    let period = if first.ends_with('.') { "" } else { "." };
    if rest.is_empty() { format!("{first}{period}") } else { format!("{first}{period}\n\n{rest}") }
}

fn row(argument: &Arg) -> String {
    let value = argument.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str());
    let takes_value = matches!(argument.get_action(), ArgAction::Set | ArgAction::Append);
    let name = match argument.get_long() {
        Some(long) if takes_value => format!("--{long} {value}"),
        Some(long) => format!("--{long}"),
        None => value.to_owned(),
    };
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut meaning = help.replace('\n', " ").replace('|', "\\|");
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| match value.get_help() {
            Some(help) => format!("`{}` ({})", value.get_name(), help.to_string().replace('|', "\\|")),
            None => format!("`{}`", value.get_name()),
        })
        .collect();
    if takes_value && !values.is_empty() && !argument.is_hide_possible_values_set() {
        meaning.push_str(&format!("; one of {}", values.join(", ")));
    }
    let defaults: Vec<&str> =
        argument.get_default_values().iter().filter_map(|value| value.to_str()).collect();
    if takes_value && !defaults.is_empty() {
        meaning.push_str(&format!(" [default: {}]", defaults.join(", ")));
    }
    format!("| `{name}` | {meaning} |\n")
}
