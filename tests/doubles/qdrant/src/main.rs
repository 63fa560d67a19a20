//! The stand-in as a program, with the environment and the working directory of the real one.
//!
//! `QDRANT_DOUBLE_FAIL` takes a comma list of failures; see `failures.rs` for the names.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use qdrant_double::{Config, Failures, Server};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    qdrant_double::log_to_stdout();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            // Where the real server panics instead of failing, its exit code is 101.
            let panics = error.to_string().contains("Failed to create snapshots temp directory");
            if panics { ExitCode::from(101) } else { ExitCode::FAILURE }
        }
    }
}

#[expect(clippy::print_stderr, reason = "the real server says this on standard error")]
fn complain(error: &anyhow::Error) {
    eprintln!("Error: {error}");
}

#[expect(clippy::print_stdout, reason = "whoever reads the log shall know what it is not")]
fn introduce() {
    println!("This is a stand-in for Qdrant, not Qdrant: it keeps data for tests and does not search.");
}

async fn run() -> anyhow::Result<()> {
    introduce();
    let here = env::current_dir()?;
    let mut config = Config::below(&here);
    config.host = "0.0.0.0".parse()?;
    config.http_port = 6333;
    config.grpc_port = 6334;
    config.wal_capacity_mb = 32;
    if let Some(path) = variable("QDRANT__STORAGE__STORAGE_PATH") {
        config.storage = here.join(path);
    }
    if let Some(path) = variable("QDRANT__STORAGE__SNAPSHOTS_PATH") {
        config.snapshots = here.join(path);
    }
    if let Some(host) = variable("QDRANT__SERVICE__HOST") {
        config.host = host.parse()?;
    }
    if let Some(port) = variable("QDRANT__SERVICE__HTTP_PORT") {
        config.http_port = port.parse()?;
    }
    if let Some(port) = variable("QDRANT__SERVICE__GRPC_PORT") {
        config.grpc_port = port.parse()?;
    }
    if let Some(capacity) = variable("QDRANT__STORAGE__WAL__WAL_CAPACITY_MB") {
        config.wal_capacity_mb = capacity.parse()?;
    }
    if let Some(version) = variable("QDRANT_DOUBLE_VERSION") {
        config.version = version;
    }
    config.api_key = variable("QDRANT__SERVICE__API_KEY");
    config.read_only_api_key = variable("QDRANT__SERVICE__READ_ONLY_API_KEY");
    config.failures = Failures::parse(&variable("QDRANT_DOUBLE_FAIL").unwrap_or_default())?;
    let restore = Restore::from_arguments()?;

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let start = async {
        restore.carry_out(&config)?;
        Server::start(config).await
    };
    let server = tokio::select! {
        server = start => server?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    server.stop().await
}

/// The snapshots to restore before starting: `--snapshot PATH:NAME`, repeated, and `--force-snapshot`.
struct Restore {
    snapshots: Vec<(PathBuf, String)>,
    force: bool,
}

impl Restore {
    fn from_arguments() -> anyhow::Result<Self> {
        let mut restore = Self { snapshots: Vec::new(), force: false };
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--snapshot" => {
                    let pair = arguments.next().unwrap_or_default();
                    let Some((path, name)) = pair.rsplit_once(':') else {
                        anyhow::bail!("--snapshot needs PATH:NAME");
                    };
                    restore.snapshots.push((path.into(), name.to_owned()));
                }
                "-f" | "--force-snapshot" => restore.force = true,
                // Reporting and the like have nothing to switch off here.
                "--disable-telemetry" => {}
                other => anyhow::bail!("unexpected argument `{other}`"),
            }
        }
        Ok(restore)
    }

    fn carry_out(&self, config: &Config) -> anyhow::Result<()> {
        for (path, name) in &self.snapshots {
            Server::restore(config, path, name, self.force)?;
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "this program's environment is its configuration")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
