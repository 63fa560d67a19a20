//! The environment, read once. No other file reads it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::secret::Secret;

/// `SAFE_COMPOSE_COMPOSE`: the real Compose to use, as a path or as a name on `PATH`.
pub const COMPOSE: &str = "SAFE_COMPOSE_COMPOSE";
/// `SAFE_COMPOSE_DISPOSABLE`: names of projects, separated by commas, whose data may be lost without confirmation.
pub const DISPOSABLE: &str = "SAFE_COMPOSE_DISPOSABLE";
/// `SAFE_COMPOSE_WAIT`: how many seconds a database may take to answer before it counts as unreachable.
pub const WAIT: &str = "SAFE_COMPOSE_WAIT";
/// `SAFE_COMPOSE_QDRANT_API_KEY`: the key for Qdrant, where the container's own environment does not have it.
pub const QDRANT_API_KEY: &str = "SAFE_COMPOSE_QDRANT_API_KEY";
/// `SAFE_COMPOSE_TRUST`: digests of settings that may run programs and contact hosts, separated by commas.
pub const TRUST: &str = "SAFE_COMPOSE_TRUST";
/// `SAFE_COMPOSE_REPOSITORY_PASSWORD`: the password of the backup repository; it comes before what the settings say.
pub const REPOSITORY_PASSWORD: &str = "SAFE_COMPOSE_REPOSITORY_PASSWORD";
/// `SAFE_COMPOSE_LOG`: what is logged to stderr, as a filter of `tracing`: `debug`, `safe_compose::engine=trace`.
pub const LOG: &str = "SAFE_COMPOSE_LOG";

/// The variable that `docker` sets for a plugin that it starts.
pub const PLUGIN_CALLER: &str = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND";
/// The socket through which `docker` asks its plugin to end.
pub const PLUGIN_SOCKET: &str = "DOCKER_CLI_PLUGIN_SOCKET";

/// Secrets of ours. Programs that the settings name do not get them.
pub const SECRETS: &[&str] = &[
    QDRANT_API_KEY,
    REPOSITORY_PASSWORD,
    "RESTIC_REST_PASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];
/// The variables that tell a plugin of `docker` that it is one. Programs that it starts are none.
pub const OF_PLUGINS: &[&str] = &[PLUGIN_CALLER, PLUGIN_SOCKET];
/// `SAFE_COMPOSE_EVENT`: set for hooks. Commands that a hook runs start no hooks.
pub const EVENT: &str = "SAFE_COMPOSE_EVENT";

/// `SAFE_COMPOSE_CALLED_BY`: set for a program that may be a wrapper of Compose: its path. A wrapper that calls this program
/// again would run forever.
pub const CALLED_BY: &str = "SAFE_COMPOSE_CALLED_BY";

/// The environment variables that we use. As in Compose, a variable that is set to the empty string counts as not set.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each variable that is a switch")]
pub struct Env {
    /// [`COMPOSE`]
    pub compose: Option<OsString>,
    /// [`DISPOSABLE`]
    pub disposable: Vec<String>,
    /// [`WAIT`]
    pub wait: Option<String>,
    /// [`QDRANT_API_KEY`]
    pub qdrant_api_key: Option<Secret>,
    /// [`TRUST`]
    pub trust: Vec<String>,
    /// [`EVENT`]
    pub in_hook: bool,
    /// [`CALLED_BY`]
    pub called_by: Option<PathBuf>,
    /// [`REPOSITORY_PASSWORD`]
    pub repository_password: Option<Secret>,
    /// [`LOG`]
    pub log: Option<String>,

    /// `COMPOSE_FILE`: the project's files, separated by [`Env::compose_path_separator`].
    pub compose_file: Option<OsString>,
    /// `COMPOSE_PATH_SEPARATOR`, `:` unless set.
    pub compose_path_separator: Option<String>,
    /// `COMPOSE_PROJECT_NAME`
    pub compose_project_name: Option<String>,
    /// `COMPOSE_PROFILES`, separated by commas.
    pub compose_profiles: Option<String>,
    /// `COMPOSE_ENV_FILES`, separated by commas: what V2 reads instead of `.env`.
    pub compose_env_files: Option<OsString>,
    /// `COMPOSE_DISABLE_ENV_FILE`: V2 reads no `.env`.
    pub compose_disable_env_file: bool,
    /// `COMPOSE_REMOVE_ORPHANS`: `up`, `create`, `down` and `kill` of V2 remove orphans without `--remove-orphans`.
    pub compose_remove_orphans: bool,
    /// `COMPOSE_API_VERSION`: the version of the engine's API that V1 speaks.
    pub compose_api_version: Option<String>,

    /// `DOCKER_HOST`
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`
    pub docker_context: Option<String>,
    /// `COMPOSE_PROGRESS`: how Compose prints what it does, unless `--progress` says so.
    pub compose_progress: Option<String>,
    /// `DOCKER_CONFIG`: the directory of `config.json`, contexts and plugins; `~/.docker` unless set.
    pub docker_config: Option<PathBuf>,
    /// `DOCKER_CERT_PATH`
    pub docker_cert_path: Option<PathBuf>,
    /// `DOCKER_TLS_VERIFY`: use TLS and check the engine's certificate.
    pub docker_tls_verify: Option<String>,
    /// [`PLUGIN_CALLER`]
    pub plugin_caller: Option<OsString>,

    /// `RESTIC_REST_USERNAME` and `RESTIC_REST_PASSWORD`: the account on a repository's REST server.
    pub rest_account: Option<(String, Secret)>,
    /// `AWS_REGION`, or else `AWS_DEFAULT_REGION`: the region of a repository's S3 server.
    pub aws_region: Option<String>,

    /// The root of the system's directories: `/` except in tests.
    pub system_root: Option<PathBuf>,

    /// `CI`: set by the services that run workflows.
    pub ci: bool,
    /// `NO_COLOR` is set.
    pub no_color: bool,
    /// `TERM=dumb`: the cursor cannot be moved.
    pub dumb_terminal: bool,
    /// `COLUMNS`: the width of the output, if it is not a terminal.
    pub columns: Option<usize>,
    pub home: Option<PathBuf>,
    /// `XDG_STATE_HOME`: the user's directory for state; `~/.local/state` unless set.
    pub state_home: Option<PathBuf>,
    /// `XDG_CACHE_HOME`: the user's directory for caches; `~/.cache` unless set.
    pub cache_home: Option<PathBuf>,
    /// `SHELL`: the user's login shell.
    pub shell: Option<PathBuf>,
    /// `PATH`
    pub path: Option<OsString>,
    /// The name of this machine.
    pub host_name: String,
    pub current_dir: PathBuf,
    /// The file of the running program.
    pub executable: Option<PathBuf>,
}

impl Env {
    /// Reads the environment of this process.
    pub fn from_process() -> Self {
        Self {
            host_name: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            current_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            executable: std::env::current_exe().ok(),
            ..Self::from_variables(read)
        }
    }

    /// Reads variables from any source.
    pub fn from_variables(get: impl Fn(&str) -> Option<OsString>) -> Self {
        let get = |name: &str| get(name).filter(|value| !value.is_empty());
        let text = |name: &str| get(name).map(|value| value.to_string_lossy().into_owned());
        let path = |name: &str| get(name).map(PathBuf::from);
        let on = |name: &str| text(name).is_some_and(|value| is_on(&value));
        Self {
            compose: get(COMPOSE),
            disposable: text(DISPOSABLE).map(|names| list(&names)).unwrap_or_default(),
            wait: text(WAIT),
            qdrant_api_key: text(QDRANT_API_KEY).map(Secret::new),
            trust: text(TRUST).map(|digests| list(&digests)).unwrap_or_default(),
            in_hook: get(EVENT).is_some(),
            called_by: path(CALLED_BY),
            repository_password: text(REPOSITORY_PASSWORD).map(Secret::new),
            log: text(LOG),
            compose_file: get("COMPOSE_FILE"),
            compose_path_separator: text("COMPOSE_PATH_SEPARATOR"),
            compose_project_name: text("COMPOSE_PROJECT_NAME"),
            compose_profiles: text("COMPOSE_PROFILES"),
            compose_env_files: get("COMPOSE_ENV_FILES"),
            compose_disable_env_file: on("COMPOSE_DISABLE_ENV_FILE"),
            compose_remove_orphans: on("COMPOSE_REMOVE_ORPHANS"),
            compose_api_version: text("COMPOSE_API_VERSION"),
            docker_host: text("DOCKER_HOST"),
            docker_context: text("DOCKER_CONTEXT"),
            compose_progress: text("COMPOSE_PROGRESS"),
            docker_config: path("DOCKER_CONFIG"),
            docker_cert_path: path("DOCKER_CERT_PATH"),
            docker_tls_verify: text("DOCKER_TLS_VERIFY"),
            plugin_caller: get(PLUGIN_CALLER),
            rest_account: text("RESTIC_REST_USERNAME")
                .map(|user| (user, Secret::new(text("RESTIC_REST_PASSWORD").unwrap_or_default()))),
            aws_region: text("AWS_REGION").or_else(|| text("AWS_DEFAULT_REGION")),
            system_root: None,
            ci: on("CI"),
            no_color: get("NO_COLOR").is_some(),
            dumb_terminal: text("TERM").is_some_and(|term| term == "dumb"),
            columns: text("COLUMNS").and_then(|columns| columns.parse().ok()),
            home: path("HOME"),
            state_home: path("XDG_STATE_HOME"),
            cache_home: path("XDG_CACHE_HOME"),
            shell: path("SHELL"),
            path: get("PATH"),
            host_name: String::new(),
            current_dir: PathBuf::new(),
            executable: None,
        }
    }

    /// Where `docker` keeps its configuration.
    pub fn docker_directory(&self) -> Option<PathBuf> {
        self.docker_config.clone().or_else(|| self.home.as_ref().map(|home| home.join(".docker")))
    }

    /// The user's directory for state. A relative `XDG_STATE_HOME` counts as not set, as its specification says.
    pub fn state_directory(&self) -> Option<PathBuf> {
        let set = self.state_home.clone().filter(|path| path.is_absolute());
        set.or_else(|| self.home.as_ref().map(|home| home.join(".local/state")))
    }

    /// The user's directory for caches, by the same rule.
    pub fn cache_directory(&self) -> Option<PathBuf> {
        let set = self.cache_home.clone().filter(|path| path.is_absolute());
        set.or_else(|| self.home.as_ref().map(|home| home.join(".cache")))
    }

    /// The directories of `PATH`; an empty one is the current directory.
    pub fn path_directories(&self) -> impl Iterator<Item = PathBuf> {
        let path = self.path.as_deref().unwrap_or(OsStr::new(""));
        std::env::split_paths(path)
            .map(|directory| self.current_dir.join(directory))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// A program of `PATH`.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        self.path_directories().map(|directory| directory.join(name)).find(|path| path.is_file())
    }

    /// An absolute path of the system's.
    pub fn system(&self, path: &str) -> PathBuf {
        match &self.system_root {
            Some(root) => root.join(path.trim_start_matches('/')),
            None => PathBuf::from(path),
        }
    }

    /// A path as this process sees it, made absolute.
    pub fn absolute(&self, path: impl AsRef<Path>) -> PathBuf {
        self.current_dir.join(path)
    }
}

/// Any variable of this process, for the `${NAMES}` of a Compose file.
pub fn variable(name: &str) -> Option<String> {
    read(name).map(|value| value.to_string_lossy().into_owned())
}

/// Every variable of this process, by name. Programs that it starts get them too.
pub fn every_variable() -> BTreeMap<OsString, OsString> {
    std::env::vars_os().collect()
}

/// Whether root runs the program for another user: `SUDO_UID` and `SUDO_GID` are set.
pub fn is_sudo() -> bool {
    rustix::process::geteuid().is_root() && ["SUDO_UID", "SUDO_GID"].iter().all(|name| read(name).is_some())
}

#[expect(clippy::disallowed_methods, reason = "this is the file that reads the environment")]
fn read(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// What Compose V2 takes for true (`utils.StringToBool`).
pub fn is_on(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "1" | "t" | "true" | "y")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Env {
        Env::from_variables(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, v)| OsString::from(v))
        })
    }

    #[test]
    fn a_variable_set_to_nothing_is_not_set() {
        let env = env(&[("COMPOSE_PROJECT_NAME", ""), ("DOCKER_HOST", "unix:///x"), ("HOME", "/h")]);
        assert_eq!(env.compose_project_name, None);
        assert_eq!(env.docker_host.as_deref(), Some("unix:///x"));
        assert_eq!(env.docker_directory(), Some(PathBuf::from("/h/.docker")));
    }

    #[test]
    fn switches_and_lists() {
        let set = env(&[("COMPOSE_REMOVE_ORPHANS", "1"), (DISPOSABLE, "a, b,,")]);
        assert!(set.compose_remove_orphans && !set.compose_disable_env_file);
        assert_eq!(set.disposable, ["a", "b"]);
        assert!(!env(&[("COMPOSE_REMOVE_ORPHANS", "0")]).compose_remove_orphans);
    }

    #[test]
    fn a_key_is_never_shown() {
        assert!(!format!("{:?}", env(&[(QDRANT_API_KEY, "hunter2")])).contains("hunter2"));
    }
}
