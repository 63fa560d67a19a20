//! Runs PostgreSQL's programs in the container of the server.

use serde::de::DeserializeOwned;

use crate::backup::driver::DriverTarget;
use crate::backup::driver::tool::Tool;

/// The database for what is about the server: it always exists, and nobody keeps data in it.
pub(super) const CONTROL: &str = "template1";

const CONNECT: &str = concat!(include_str!("../first.sh"), include_str!("connect.sh"));

/// Nothing that a user has created is found instead of what is in the catalog.
const SAFE: &str = "SET search_path = pg_catalog;\nSET standard_conforming_strings = on;\n";

/// One of PostgreSQL's programs, connected to a database by its environment.
pub(super) fn tool(database: &str, program: &str, args: &[&str]) -> Tool {
    let argv = ["sh", "-c", CONNECT, "safe-compose", database, program];
    let argv = argv.iter().chain(args).map(|word| (*word).to_owned()).collect();
    Tool { name: program.to_owned(), argv }
}

/// `psql`, which ends at the first error.
pub(super) fn psql(database: &str, variables: &[&str]) -> Tool {
    let mut args = vec!["-XqAt", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=terse"];
    for variable in variables {
        args.extend(["-v", variable]);
    }
    tool(database, "psql", &args)
}

/// The rows of statements that return one JSON value each.
pub(super) async fn query<T: DeserializeOwned>(
    target: DriverTarget<'_>,
    database: &str,
    statements: &str,
) -> anyhow::Result<Vec<T>> {
    let printed = psql(database, &[]).output(target, &format!("{SAFE}{statements}")).await?;
    printed.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// Statements that return nothing.
pub(super) async fn run(target: DriverTarget<'_>, database: &str, statements: &str) -> anyhow::Result<()> {
    psql(database, &[]).output(target, &format!("{SAFE}{statements}")).await.map(drop)
}

/// `"name"`.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `'text'`.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's \\"), "'it''s \\'");
    }

    #[test]
    fn a_program_gets_its_database_by_the_environment() {
        let tool = psql("x=y", &["database=a"]);
        assert_eq!(tool.argv[3..6], ["safe-compose", "x=y", "psql"]);
        assert_eq!(tool.argv.last().map(String::as_str), Some("database=a"));
    }
}
