//! What can be installed, and the steps that install it.

use std::path::{Path, PathBuf};

use super::block::{begin, block};
use super::error::SetupError;
use super::pre_commit::HOOKS;
use super::scope::{SetupPlaces, SetupScope};
use super::step::{BlockPlace, SetupStep};
use super::timer::{self, BackedUpProjects, TimerInterval};
use crate::env::Env;

/// What can be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetupComponent {
    /// `docker compose`.
    Plugin,
    /// The program `docker-compose`.
    Shim,
    /// `docker-compose` in interactive shells.
    Alias(Vec<AliasShell>),
    /// The hooks of a repository.
    Hooks,
    /// Regular backups.
    Timer(TimerInterval, BackedUpProjects),
}

/// A shell that gets an alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AliasShell {
    Bash,
    Zsh,
    Fish,
    Nushell,
}

/// The steps that install a component. Those that are made already are among them.
pub fn plan(
    env: &Env,
    places: &SetupPlaces,
    component: &SetupComponent,
) -> Result<Vec<SetupStep>, SetupError> {
    let from = env.executable.clone().ok_or(SetupError::NoProgram)?;
    let program = SetupStep::Program { from, to: places.program() };
    let link = |at: &Path| SetupStep::Link { at: at.to_owned(), target: places.program() };
    Ok(match component {
        SetupComponent::Plugin => vec![program, link(&places.plugin)],
        SetupComponent::Shim => {
            let mut steps = vec![program, link(&places.shim)];
            steps.extend(path_blocks(env, places));
            steps
        }
        SetupComponent::Alias(shells) => {
            let shells = if shells.is_empty() { vec![login_shell(env)?] } else { shells.clone() };
            let aliases =
                shells.iter().map(|shell| alias(env, places, *shell)).collect::<Result<Vec<_>, _>>()?;
            [program, link(&places.named_docker_compose())].into_iter().chain(aliases).collect()
        }
        SetupComponent::Hooks => vec![hooks(env, places)?],
        SetupComponent::Timer(interval, projects) => {
            [program].into_iter().chain(timer::steps(env, places, *interval, *projects)?).collect()
        }
    })
}

/// Puts the directory of the shim first in `PATH`, unless it comes before every other `docker-compose` now.
fn path_blocks(env: &Env, places: &SetupPlaces) -> Vec<SetupStep> {
    let Some(directory) = places.shim.parent().filter(|_| places.scope == SetupScope::User) else {
        return Vec::new();
    };
    let is_first = env
        .path_directories()
        .find(|path| path == directory || path.join("docker-compose").is_file())
        .is_some_and(|first| first == directory);
    if is_first {
        return Vec::new();
    }
    let of_login = [".bash_profile", ".bash_login"]
        .into_iter()
        .map(|name| places.home.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| places.home.join(".profile"));
    let others = [".bashrc", ".zshenv"].map(|name| places.home.join(name));
    let line =
        "case \"$PATH\" in \"$HOME/.local/bin:\"*) ;; *) export PATH=\"$HOME/.local/bin:$PATH\" ;; esac";
    let mut steps: Vec<SetupStep> = [of_login]
        .into_iter()
        .chain(others.into_iter().filter(|path| path.is_file()))
        .map(|path| end_of(path, "shim", line))
        .collect();
    if places.home.join(".config/fish").is_dir() {
        steps.push(SetupStep::File {
            path: places.home.join(".config/fish/conf.d/safe-compose-path.fish"),
            text: "fish_add_path --path --move --prepend $HOME/.local/bin\n".to_owned(),
        });
    }
    steps
}

fn end_of(path: PathBuf, what: &str, line: &str) -> SetupStep {
    SetupStep::Block { path, text: block(what, line), begin: begin(what), place: BlockPlace::End }
}

fn login_shell(env: &Env) -> Result<AliasShell, SetupError> {
    let shell = env.shell.clone().unwrap_or_default();
    match shell.file_name().and_then(|name| name.to_str()) {
        Some("bash") => Ok(AliasShell::Bash),
        Some("zsh") => Ok(AliasShell::Zsh),
        Some("fish") => Ok(AliasShell::Fish),
        Some("nu") => Ok(AliasShell::Nushell),
        Some(name) => Err(SetupError::UnknownShell(format!("`{name}`"))),
        None => Err(SetupError::UnknownShell("your shell, which is unknown".to_owned())),
    }
}

fn alias(env: &Env, places: &SetupPlaces, shell: AliasShell) -> Result<SetupStep, SetupError> {
    let command = places.named_docker_compose().to_string_lossy().into_owned();
    let posix = format!("alias docker-compose={}", shell_words::quote(&shell_words::quote(&command)));
    let fish = format!("alias docker-compose {}\n", shell_words::quote(&shell_words::quote(&command)));
    let home = |path: &str| places.home.join(path);
    Ok(match (shell, places.scope) {
        (AliasShell::Bash, SetupScope::User) => end_of(home(".bashrc"), "alias", &posix),
        (AliasShell::Bash, SetupScope::System) => end_of(env.system("/etc/bash.bashrc"), "alias", &posix),
        (AliasShell::Zsh, SetupScope::User) => end_of(home(".zshrc"), "alias", &posix),
        (AliasShell::Zsh, SetupScope::System) => end_of(env.system("/etc/zsh/zshrc"), "alias", &posix),
        (AliasShell::Fish, SetupScope::User) => {
            SetupStep::File { path: home(".config/fish/conf.d/safe-compose.fish"), text: fish }
        }
        (AliasShell::Fish, SetupScope::System) => {
            SetupStep::File { path: env.system("/etc/fish/conf.d/safe-compose.fish"), text: fish }
        }
        (AliasShell::Nushell, SetupScope::User) => end_of(
            home(".config/nushell/config.nu"),
            "alias",
            &format!("alias docker-compose = ^{command:?}"),
        ),
        (AliasShell::Nushell, SetupScope::System) => {
            return Err(SetupError::NotForAll("setup alias nushell"));
        }
    })
}

fn hooks(env: &Env, places: &SetupPlaces) -> Result<SetupStep, SetupError> {
    if places.scope == SetupScope::System {
        return Err(SetupError::NotForAll("setup hooks"));
    }
    let repository = env
        .current_dir
        .ancestors()
        .find(|path| path.join(".git").exists())
        .ok_or(SetupError::NoRepository)?;
    Ok(SetupStep::Block {
        path: repository.join(".pre-commit-config.yaml"),
        text: block("hooks", HOOKS),
        begin: begin("hooks"),
        place: BlockPlace::Repositories,
    })
}
