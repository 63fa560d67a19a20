//! Redis, Valkey and KeyDB: by default, what was changed last is only in memory. The server writes it to disk on request
//! (`BGSAVE`), so it need not be stopped for a copy of its files.

use anyhow::Context as _;

use super::DriverTarget;
use super::tool::Tool;
use crate::engine::{Container, Engine};
use crate::inventory::known;

const SAVE: &str = concat!(include_str!("first.sh"), include_str!("redis_save.sh"));

const LOOK: &str = include_str!("redis_look.sh");

/// What a server has loaded.
pub(super) struct LoadedKeys {
    pub(super) version: String,
    pub(super) keys: u64,
}

/// What a server without a password has loaded. Fails while it loads.
pub(super) async fn look(target: DriverTarget<'_>) -> anyhow::Result<LoadedKeys> {
    let argv = ["sh", "-c", LOOK].map(str::to_owned).to_vec();
    let tool = Tool { name: "INFO".to_owned(), argv };
    let printed = tool.output(target, "").await?;
    let mut lines = printed.lines();
    let version = lines.next().context("the server does not say its version")?.to_owned();
    let keys = lines.map(str::parse::<u64>).sum::<Result<u64, _>>().context("the server does not count")?;
    Ok(LoadedKeys { version, keys })
}

/// Whether a container runs one of these servers.
pub fn is_one(container: &Container) -> bool {
    known::program(&container.image)
        .is_some_and(|program| ["redis", "valkey", "keydb"].contains(&program.name()))
}

/// Waits until everything that was written before is on disk. With an append-only file it is already.
pub async fn save(engine: &dyn Engine, container: &Container) -> anyhow::Result<()> {
    let argv = ["sh", "-c", SAVE].map(str::to_owned).to_vec();
    let tool = Tool { name: "BGSAVE".to_owned(), argv };
    let printed = tool.output_in(engine, &container.id, "").await?;
    anyhow::ensure!(["rdb\n", "aof\n"].contains(&printed.as_str()), "it does not say how it was saved");
    Ok(())
}
