//! Asks a server where its writes stand: see [`crate::backup::fingerprint::database_position`].

use super::client;
use super::server::{self, MySqlServer};
use super::users;
use crate::backup::driver::DriverTarget;
use crate::backup::fingerprint::database_position::RedoPosition;
use crate::fs::Digester;

/// What MariaDB and MySQL since version 8.0.30 call the number of bytes in the redo log.
const LSN: &str =
    "SHOW GLOBAL STATUS WHERE variable_name IN ('Innodb_lsn_current', 'Innodb_redo_log_current_lsn');\n";

/// The number of bytes that were ever written to the redo log; `None` if the server does not say it.
pub(super) async fn lsn(target: DriverTarget<'_>) -> Option<u64> {
    let lines = client::lines(target, LSN).await.ok()?;
    lines.first()?.rsplit_once('\t')?.1.parse().ok()
}

/// The position, if all of the server's data is in InnoDB and its redo log still ends at `lsn`.
pub(super) async fn if_still_at(
    target: DriverTarget<'_>,
    server: &MySqlServer,
    lsn: u64,
) -> anyhow::Result<Option<RedoPosition>> {
    let Some(started) = target.container()?.started.clone() else { return Ok(None) };
    let mut definitions = Digester::default();
    let accounts = server::accounts(target, server).await?;
    definitions.update(users::dump(target, server, &accounts).await?.as_bytes());
    for database in server::databases(target).await? {
        if server::tables(target, &database.name).await?.iter().any(|table| !table.is_in_redo_log()) {
            return Ok(None);
        }
        definitions.update(database.definition().as_bytes());
        let args =
            ["--no-data", "--routines", "--triggers", "--events", "--skip-dump-date", "--", &database.name];
        definitions.update(client::dump(&args).output(target, "").await?.as_bytes());
    }
    let is_still = self::lsn(target).await == Some(lsn);
    Ok(is_still.then(|| RedoPosition { started, lsn, definitions: definitions.finish().to_string() }))
}
