//! Stops services through the real Compose: in its order, with its signals, grace periods and `pre_stop` hooks.

use std::ffi::OsString;

use super::binary::ComposeBinary;
use super::invocation::{Caller, Reading};
use crate::env;
use crate::process::{Capture, Output, capture_apart};

/// What Compose needs to stop services of the project that a command is about.
#[derive(Debug, Clone)]
pub struct ServiceStop {
    binary: ComposeBinary,
    args: Vec<OsString>,
    services: String,
    env_remove: &'static [&'static str],
    stdin: Option<Vec<u8>>,
}

/// Compose did not stop the services.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    #[error("Compose cannot be run")]
    Run(#[source] std::io::Error),
    #[error("Compose could not stop {services}: {message}")]
    Failed { services: String, message: String },
}

impl ServiceStop {
    /// `stdin` is the content of standard input, if Compose reads its file from there.
    pub fn new(binary: &ComposeBinary, reading: &Reading, stdin: Option<&[u8]>, services: &[String]) -> Self {
        let mut args = reading.globals.argv.clone();
        args.push("stop".into());
        // Data is at stake: without a grace period, the server would be killed before it has written everything.
        if let Some(seconds) = reading.grace_period() {
            args.extend(["-t".into(), seconds.into()]);
        }
        args.extend(services.iter().map(OsString::from));
        // As a plugin, the arguments begin with those of docker, which Compose accepts only from `docker`.
        let env_remove: &[&str] = match reading.caller {
            Caller::Person => &[env::PLUGIN_CALLER, env::PLUGIN_SOCKET],
            Caller::Docker => &[env::PLUGIN_SOCKET],
        };
        Self {
            binary: binary.clone(),
            args,
            services: services.join(", "),
            env_remove,
            stdin: stdin.map(<[u8]>::to_vec),
        }
    }

    /// Runs Compose to its end; Ctrl-C does not reach it.
    pub async fn run(self) -> Result<(), StopError> {
        let what = Capture {
            program: &self.binary.path,
            args: &self.args,
            env_remove: self.env_remove,
            stdin: self.stdin.as_deref(),
        };
        let Output { code, stderr, .. } = capture_apart(&what).await.map_err(StopError::Run)?;
        if code == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&stderr);
        let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
        Err(StopError::Failed {
            services: self.services,
            message: last.map_or_else(|| format!("exit code {code}"), str::to_owned),
        })
    }
}
