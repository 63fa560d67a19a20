//! The upgrade to another major version: the databases are dumped from a temporary server of the former version, which runs on
//! a copy of the files, and restored into a new one, whose files replace those of the service.

use std::path::Path;

use anyhow::{Context as _, ensure};

use super::settings_files;
use super::{client, count, restore, save, server};
use crate::backup::driver::scratch::{ScratchServer, ScratchSetup, TestEnv, password_in};
use crate::backup::driver::upgrade::{self, Converted, UpgradeServer, with_server};
use crate::backup::driver::volume::test_restore::{FileServer, directories_of};
use crate::backup::driver::{Dump, databases};
use crate::backup::manifest::ArtifactContents;
use crate::backup::store::{Backup, Staging};
use crate::inventory::{SqlServer, StoreKind};
use crate::secret::Secret;

const KIND: StoreKind = StoreKind::Sql(SqlServer::PostgreSql);

/// Whether the servers of an image are upgraded: those whose settings are where those of the official image are.
pub fn is_supported(image: &str) -> bool {
    FileServer::of(image) == Some(FileServer::PostgreSql)
}

/// Dumps the databases in a copy of files, with a temporary server of the version that wrote them. Returns the libraries that
/// the server loads when it starts, too.
pub async fn dump_copy(
    env: TestEnv<'_>,
    copy: &Backup,
    former: &UpgradeServer,
    into: Staging,
) -> anyhow::Result<(Converted, String)> {
    let mut setup = ScratchSetup {
        command: command(&former.command, ""),
        files: directories_of(copy)?,
        ..ScratchSetup::empty(KIND, former.environment.clone())
    };
    setup.environment.insert("PGDATA".to_owned(), Secret::new(former.data.display().to_string()));
    let limit = env.ready_timeout;
    let container = copy.manifest.container.clone();
    with_server(
        env,
        &format!("dumping the databases of `{}`", copy.manifest.service),
        (copy, &former.image),
        setup,
        Box::new(move |scratch, task| {
            Box::pin(async move {
                task.detail("starting the former version on the copy");
                let target = scratch.target();
                scratch.wait_until(limit, || server::ask(target)).await?;
                task.detail("dumping");
                let mut into = into;
                let dump = save::dump(target, &mut into).await?;
                ensure_complete(scratch, &dump, &into).await?;
                let libraries = "SELECT to_json(current_setting('shared_preload_libraries'));\n";
                let libraries = client::query::<String>(target, client::CONTROL, libraries).await?.pop();
                let mut dumped = Converted { staging: into, dump, evidence: None };
                dumped.rename(scratch.name(), &container);
                Ok((dumped, libraries.unwrap_or_default()))
            })
        }),
    )
    .await
}

/// Fails if the server has something that a dump does not have.
async fn ensure_complete(scratch: &ScratchServer, dump: &Dump, into: &Staging) -> anyhow::Result<()> {
    let globals = dump.artifacts.iter().find(|artifact| artifact.contents == ArtifactContents::ServerGlobals);
    let globals = globals.context("the dump has no roles")?;
    let spaces = restore::tablespaces(&into.directory().join(&globals.path))?;
    ensure!(
        spaces.is_empty(),
        "the server has tablespaces of its own ({}), which cannot be moved with its data",
        spaces.join(", ")
    );
    let own = count::objects(scratch.target(), client::CONTROL).await?;
    ensure!(own == 0, "the template `{}` has objects of its own, which are in no dump", client::CONTROL);
    Ok(())
}

/// What a new server is made of.
#[derive(Debug, Clone, Copy)]
pub struct BuildInput<'a> {
    /// The files of the former server, whose settings are carried over.
    pub copy: &'a Backup,
    /// The directory of its data in the copy.
    pub former_data: &'a Path,
    /// The dump of its databases.
    pub dump: &'a Backup,
    /// The libraries that it loads when it starts.
    pub libraries: &'a str,
}

/// Initializes a new server, restores a dump of everything into it, and copies its files. Returns what there is to say.
pub async fn build(
    env: TestEnv<'_>,
    input: BuildInput<'_>,
    new: &UpgradeServer,
    into: Staging,
) -> anyhow::Result<(Converted, Vec<String>)> {
    let BuildInput { copy, former_data, dump, libraries } = input;
    databases::recorded(dump)?;
    let former = settings_files::read(copy, former_data).await?;
    let mut environment = new.environment.clone();
    // The roles get their former passwords at the end.
    environment.retain(|name, _| !name.starts_with("POSTGRES_PASSWORD"));
    environment.extend(password_in(&["POSTGRES_PASSWORD"])?);
    let setup = ScratchSetup {
        command: command(&new.command, libraries),
        empty: vec![new.mount.clone()],
        ..ScratchSetup::empty(KIND, environment)
    };
    let (limit, clearance) = (env.ready_timeout, env.clearance.clone());
    let (from, server, container) = (dump.clone(), new.clone(), copy.manifest.container.clone());
    with_server(
        env,
        &format!("restoring the databases of `{}`", copy.manifest.service),
        (copy, &new.image),
        setup,
        Box::new(move |scratch, task| {
            Box::pin(async move {
                task.detail("initializing the new version");
                let target = scratch.target();
                scratch.wait_until(limit, || server::ask(target)).await?;
                task.detail("restoring and comparing");
                restore::into_new_server(target, &from, &clearance).await?;
                task.detail("collecting statistics");
                for database in server::databases(target).await? {
                    client::run(target, &database.name, "ANALYZE;\n").await?;
                }
                task.detail("carrying over the settings");
                let remarks =
                    settings_files::carry_over(scratch, &server.data, &former, limit, &clearance).await?;
                stop(scratch).await?;
                task.detail("copying the new files");
                let mut made = upgrade::copy_files(scratch, &server.mount, into).await?;
                made.rename(scratch.name(), &container);
                Ok((made, remarks))
            })
        }),
    )
    .await
}

/// A server that has not written everything at its end would have to recover, and its files are moved.
async fn stop(scratch: &mut ScratchServer) -> anyhow::Result<()> {
    let code = scratch.stop().await?.exit_code;
    ensure!(code == 0, "the temporary server ended with exit code {code} when it was stopped");
    Ok(())
}

/// The command of a temporary server: of what the service sets, only the libraries that are loaded at the start. `libraries`
/// are those of the former settings.
fn command(service: &[String], libraries: &str) -> Vec<String> {
    let own = preloaded(service).unwrap_or_else(|| libraries.to_owned());
    if own.is_empty() {
        return Vec::new();
    }
    vec!["postgres".to_owned(), "-c".to_owned(), format!("{PRELOADED}={own}")]
}

const PRELOADED: &str = "shared_preload_libraries";

/// The libraries that a command line names: `-c NAME=VALUE` or `--NAME=VALUE`.
fn preloaded(command: &[String]) -> Option<String> {
    let value = |word: &String| {
        let word = word.trim_start_matches("--").trim_start_matches("-c").trim_start();
        word.strip_prefix(PRELOADED)?.strip_prefix('=').map(str::to_owned)
    };
    command.iter().rev().find_map(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_server_loads_the_libraries_of_the_service() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for line in [
            "postgres -c shared_preload_libraries=pg_cron -c config_file=/etc/x.conf",
            "docker-entrypoint.sh postgres --shared_preload_libraries=pg_cron",
            "postgres -cshared_preload_libraries=pg_cron",
        ] {
            let expected = ["postgres", "-c", "shared_preload_libraries=pg_cron"];
            assert_eq!(command(&words(line), "other"), expected, "{line}");
        }
        assert_eq!(command(&words("postgres -c fsync=on"), ""), Vec::<String>::new());
        assert_eq!(command(&[], "a,b")[2], "shared_preload_libraries=a,b");
    }
}
