//! For whom something is installed, and so where.

use std::path::{Path, PathBuf};

use crate::env::Env;

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupScope {
    /// The user who runs the program.
    User,
    /// All users of the machine.
    System,
}

/// The places of one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupPlaces {
    pub scope: SetupScope,
    /// The directory of the copy and of the record.
    base: PathBuf,
    /// The plugin of `docker`.
    pub plugin: PathBuf,
    /// The program `docker-compose` of `PATH`.
    pub shim: PathBuf,
    /// The user's home; `/root` or the like for all users.
    pub home: PathBuf,
}

impl SetupPlaces {
    /// `None` if it is unknown where the user's home is.
    pub fn of(env: &Env, scope: SetupScope) -> Option<Self> {
        match scope {
            SetupScope::User => {
                let home = env.home.clone()?;
                Some(Self {
                    scope,
                    base: home.join(".local/share/safe-compose"),
                    plugin: env.absolute(env.docker_directory()?.join("cli-plugins/docker-compose")),
                    shim: home.join(".local/bin/docker-compose"),
                    home,
                })
            }
            SetupScope::System => Some(Self {
                scope,
                base: env.system("/usr/local/lib/safe-compose"),
                plugin: env.system("/usr/local/lib/docker/cli-plugins/docker-compose"),
                shim: env.system("/usr/local/bin/docker-compose"),
                home: env.home.clone().unwrap_or_else(|| env.system("/root")),
            }),
        }
    }

    /// The copy of this program.
    pub fn program(&self) -> PathBuf {
        self.base.join("bin/safe-compose")
    }

    /// A link to the copy by the name under which it stands in for `docker-compose`.
    pub fn named_docker_compose(&self) -> PathBuf {
        self.base.join("bin/docker-compose")
    }

    /// What was done.
    pub fn record(&self) -> PathBuf {
        self.base.join("setup.json")
    }

    /// The directories that are made for the copy and the record, the outermost first.
    pub fn base(&self) -> &Path {
        &self.base
    }
}
