//! The accounts of a server with their privileges, as statements. An account that a server has keeps its password and its
//! privileges: they may be newer than the backup.

use std::collections::BTreeSet;

use super::client;
use super::server::MySqlServer;
use crate::backup::driver::DriverTarget;

/// Begins the statements of an account.
const ACCOUNT: &str = "-- account ";

/// MySQL shows the digest of a password in hexadecimal: it may contain a line end. MariaDB does not have the variable.
const AS_HEX: &str = "print_identified_with_as_hex";

/// The statements that create every account, and then those that give it its privileges: an account may be granted to another
/// one as a role.
pub(super) async fn dump(
    target: DriverTarget<'_>,
    server: &MySqlServer,
    accounts: &BTreeSet<String>,
) -> anyhow::Result<String> {
    let shown = client::lines(target, &format!("SHOW VARIABLES LIKE '{AS_HEX}';\n")).await?;
    let as_hex = if shown.is_empty() { String::new() } else { format!("SET SESSION {AS_HEX} = ON;\n") };
    let (mut created, mut granted) = (Vec::new(), String::new());
    for account in accounts {
        let create = if is_role_name(server, account) {
            vec![format!("CREATE ROLE {account}")]
        } else {
            client::lines(target, &format!("{as_hex}SHOW CREATE USER {account};\n")).await?
        };
        created.push(block(account, &create));
        granted.push_str(&block(
            account,
            &client::lines(target, &format!("SHOW GRANTS FOR {account};\n")).await?,
        ));
    }
    // A default role has to exist.
    created.sort_by_key(|statements| statements.contains(" DEFAULT ROLE "));
    Ok(format!("{}{}{granted}", client::SAFE, created.concat()))
}

fn block(account: &str, statements: &[String]) -> String {
    let statements: String = statements.iter().map(|statement| format!("{statement};\n")).collect();
    format!("{ACCOUNT}{account}\n{statements}")
}

/// Roles of MariaDB have no host.
fn is_role_name(server: &MySqlServer, account: &str) -> bool {
    server.is_mariadb() && !account.contains("'@'")
}

/// The accounts that are missing, and the statements that create them.
pub(super) fn missing(text: &str, existing: &BTreeSet<String>) -> (Vec<String>, String) {
    let mut accounts: Vec<String> = Vec::new();
    let (mut created, mut granted) = (String::new(), String::new());
    let mut is_missing = false;
    for line in text.lines() {
        if let Some(account) = line.strip_prefix(ACCOUNT) {
            is_missing = !existing.contains(account);
            if is_missing && accounts.iter().all(|known| known != account) {
                accounts.push(account.to_owned());
            }
        } else if is_missing {
            // Older backups have the privileges of each account before the next account.
            let statements = if line.starts_with("CREATE ") { &mut created } else { &mut granted };
            statements.push_str(&format!("{line}\n"));
        }
    }
    (accounts, created + &granted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_missing_accounts_are_created() {
        let text = "-- account 'root'@'%'\nCREATE USER a;\n-- account 'shop'@'%'\nCREATE USER b;\nGRANT c;\n";
        let existing = BTreeSet::from(["'root'@'%'".to_owned()]);
        let (accounts, statements) = missing(text, &existing);
        assert_eq!(accounts, ["'shop'@'%'"]);
        assert_eq!(statements, "CREATE USER b;\nGRANT c;\n");
    }

    #[test]
    fn every_account_is_created_before_one_is_granted_to_another() {
        let text = "SET SESSION x = 1;\n-- account 'a'@'%'\nCREATE USER a;\nGRANT r TO a;\n-- account 'r'@'%'\nCREATE USER r;\n-- account 'r'@'%'\nGRANT d;\n";
        let (accounts, statements) = missing(text, &BTreeSet::new());
        assert_eq!(accounts, ["'a'@'%'", "'r'@'%'"]);
        assert_eq!(statements, "CREATE USER a;\nCREATE USER r;\nGRANT r TO a;\nGRANT d;\n");
    }
}
