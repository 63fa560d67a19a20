//! Runs the programs of MySQL and MariaDB in the container of the server.

use serde::de::DeserializeOwned;

use crate::backup::driver::DriverTarget;
use crate::backup::driver::tool::Tool;

const CONNECT: &str = concat!(include_str!("../first.sh"), include_str!("connect.sh"));

/// Strings and names are quoted as everywhere, whatever the server's settings.
pub(super) const SAFE: &str = "SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES';\n";

/// `mariadb` or `mysql`, which ends at the first error.
pub(super) fn client(args: &[&str]) -> Tool {
    tool("client", "mysql", &[&["--batch", "--raw", "--skip-column-names"], args].concat())
}

/// `mariadb-dump` or `mysqldump`.
pub(super) fn dump(args: &[&str]) -> Tool {
    tool("dump", "mysqldump", args)
}

fn tool(kind: &str, name: &str, args: &[&str]) -> Tool {
    let argv = ["sh", "-c", CONNECT, "safe-compose", kind];
    let argv = argv.iter().chain(args).map(|word| (*word).to_owned()).collect();
    Tool { name: name.to_owned(), argv }
}

/// The rows of statements that return one JSON value each.
pub(super) async fn query<T: DeserializeOwned>(
    target: DriverTarget<'_>,
    statements: &str,
) -> anyhow::Result<Vec<T>> {
    let printed = lines(target, statements).await?;
    printed.iter().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// What statements print, as lines.
pub(super) async fn lines(target: DriverTarget<'_>, statements: &str) -> anyhow::Result<Vec<String>> {
    let printed = client(&[]).output(target, &format!("{SAFE}{statements}")).await?;
    Ok(printed.lines().map(str::to_owned).collect())
}

/// `` `name` ``.
pub(super) fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// `'text'`, where backslashes escape nothing.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(identifier("a`b"), "`a``b`");
        assert_eq!(literal("it's"), "'it''s'");
    }
}
