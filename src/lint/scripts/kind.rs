//! Which kind of script a file is, according to its name or its first line.

use std::path::Path;

/// A kind of file that contains scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptKind {
    Shell,
    Makefile,
    Justfile,
    /// `package.json` and other files with `scripts`.
    PackageJson,
    /// A workflow or an action of GitHub.
    Workflow,
    /// YAML in which the values of these keys are scripts.
    Pipeline(&'static [&'static str]),
}

const GITLAB: &[&str] = &["script", "before_script", "after_script"];
const CIRCLE: &[&str] = &["run", "command"];
const AZURE: &[&str] = &["script", "bash"];
const BITBUCKET: &[&str] = &["script", "after-script"];
const DRONE: &[&str] = &["commands"];
const TASKFILE: &[&str] = &["cmds", "cmd"];
const TRAVIS: &[&str] = &[
    "before_install",
    "install",
    "before_script",
    "script",
    "after_success",
    "after_failure",
    "after_script",
    "before_deploy",
    "after_deploy",
];

impl ScriptKind {
    /// The kind according to the path.
    pub fn of_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let lower = name.to_ascii_lowercase();
        let extension = lower.rsplit_once('.').map_or("", |(_, extension)| extension);
        let parents: Vec<&str> = path.iter().rev().skip(1).filter_map(|part| part.to_str()).take(2).collect();
        let is_yaml = matches!(extension, "yml" | "yaml");
        let stem = lower.rsplit_once('.').map_or(lower.as_str(), |(stem, _)| stem);
        let kind = match lower.as_str() {
            "makefile" | "gnumakefile" => Self::Makefile,
            "justfile" | ".justfile" => Self::Justfile,
            "package.json" | "composer.json" => Self::PackageJson,
            ".envrc" => Self::Shell,
            _ if lower.starts_with("makefile.") || extension == "mk" => Self::Makefile,
            _ if matches!(extension, "sh" | "bash" | "zsh" | "ksh" | "bats") => Self::Shell,
            _ if extension == "just" => Self::Justfile,
            _ if is_yaml && stem == "action" => Self::Workflow,
            _ if is_yaml && matches!(parents[..], ["workflows", ".github" | ".gitea" | ".forgejo"]) => {
                Self::Workflow
            }
            _ if is_yaml && stem.ends_with(".gitlab-ci") => Self::Pipeline(GITLAB),
            _ if is_yaml && parents.first() == Some(&".gitlab") => Self::Pipeline(GITLAB),
            _ if is_yaml && parents.first() == Some(&".circleci") => Self::Pipeline(CIRCLE),
            _ if is_yaml && stem.starts_with("azure-pipelines") => Self::Pipeline(AZURE),
            _ if is_yaml && stem == "bitbucket-pipelines" => Self::Pipeline(BITBUCKET),
            _ if is_yaml && matches!(stem, ".drone" | ".woodpecker") => Self::Pipeline(DRONE),
            _ if is_yaml && parents.first() == Some(&".woodpecker") => Self::Pipeline(DRONE),
            _ if is_yaml && stem == ".travis" => Self::Pipeline(TRAVIS),
            _ if is_yaml && matches!(stem, "taskfile" | "taskfile.dist") => Self::Pipeline(TASKFILE),
            _ => return None,
        };
        Some(kind)
    }

    /// Whether only the first line can tell the kind of a file: it has no extension, like a Git hook.
    pub fn has_no_extension(path: &Path) -> bool {
        path.extension().is_none()
    }

    /// The kind according to the first line.
    pub fn of_text(text: &str) -> Option<Self> {
        let first = text.lines().next()?.strip_prefix("#!")?;
        let mut words = first.split_whitespace();
        let mut program = words.next()?;
        if program.ends_with("/env") {
            program = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
        }
        match super::wrappers::base_name(program) {
            "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash" | "bats" => Some(Self::Shell),
            "make" => Some(Self::Makefile),
            "just" => Some(Self::Justfile),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let of = |path: &str| ScriptKind::of_path(Path::new(path));
        assert_eq!(of("ops/reset.sh"), Some(ScriptKind::Shell));
        assert_eq!(of("GNUmakefile"), Some(ScriptKind::Makefile));
        assert_eq!(of("make/docker.mk"), Some(ScriptKind::Makefile));
        assert_eq!(of("Justfile"), Some(ScriptKind::Justfile));
        assert_eq!(of(".github/workflows/ci.yaml"), Some(ScriptKind::Workflow));
        assert_eq!(of("a/.github/workflows/ci.yml"), Some(ScriptKind::Workflow));
        assert_eq!(of("workflows/ci.yml"), None);
        assert_eq!(of(".gitlab-ci.yml"), Some(ScriptKind::Pipeline(GITLAB)));
        assert_eq!(of("Taskfile.yml"), Some(ScriptKind::Pipeline(TASKFILE)));
        assert_eq!(of("docker-compose.yml"), None);
        assert_eq!(of("README"), None);
    }

    #[test]
    fn first_lines() {
        assert_eq!(ScriptKind::of_text("#!/bin/sh -e\n"), Some(ScriptKind::Shell));
        assert_eq!(ScriptKind::of_text("#!/usr/bin/env -S bash -e"), Some(ScriptKind::Shell));
        assert_eq!(ScriptKind::of_text("#!/usr/bin/env just --justfile"), Some(ScriptKind::Justfile));
        assert_eq!(ScriptKind::of_text("#!/usr/bin/env python3"), None);
        assert_eq!(ScriptKind::of_text("docker compose down -v"), None);
    }
}
