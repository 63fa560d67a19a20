//! The accounts of a server with their privileges, as statements. An account that a server has keeps its password and its
//! privileges: they may be newer than the backup.

use std::collections::BTreeSet;

use super::client;
use super::server::MySqlServer;
use crate::backup::driver::DriverTarget;

/// Begins the statements of an account.
const ACCOUNT: &str = "-- account ";

/// The statements that create every account.
pub(super) async fn dump(
    target: DriverTarget<'_>,
    server: &MySqlServer,
    accounts: &BTreeSet<String>,
) -> anyhow::Result<String> {
    let mut text = String::new();
    // Roles come first: they are granted to users.
    let (roles, users): (Vec<&String>, Vec<&String>) =
        accounts.iter().partition(|account| is_role_name(server, account));
    let is_role = std::iter::repeat_n(true, roles.len()).chain(std::iter::repeat(false));
    for (account, is_role) in roles.into_iter().chain(users).zip(is_role) {
        let create = if is_role { String::new() } else { format!("SHOW CREATE USER {account};\n") };
        let lines = client::lines(target, &format!("{create}SHOW GRANTS FOR {account};\n")).await?;
        text.push_str(&format!("{ACCOUNT}{account}\n"));
        if is_role {
            text.push_str(&format!("CREATE ROLE {account};\n"));
        }
        for line in lines {
            text.push_str(&format!("{line};\n"));
        }
    }
    Ok(text)
}

/// Roles of MariaDB have no host.
fn is_role_name(server: &MySqlServer, account: &str) -> bool {
    server.is_mariadb() && !account.contains("'@'")
}

/// The accounts that are missing, and the statements that create them.
pub(super) fn missing(text: &str, existing: &BTreeSet<String>) -> (Vec<String>, String) {
    let (mut accounts, mut statements) = (Vec::new(), String::new());
    let mut is_missing = false;
    for line in text.lines() {
        if let Some(account) = line.strip_prefix(ACCOUNT) {
            is_missing = !existing.contains(account);
            if is_missing {
                accounts.push(account.to_owned());
            }
        } else if is_missing {
            statements.push_str(&format!("{line}\n"));
        }
    }
    (accounts, statements)
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
}
