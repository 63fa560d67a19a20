//! A build context that contains the backups.

use std::path::{Path, PathBuf};

use crate::lint::finding::LintSeverity;
use crate::lint::loader::read_file;
use crate::lint::project::{DockerIgnore, LintProject, LintService, host_path};
use crate::lint::rule::{RuleReport, rule};
use crate::lint::yaml::{YamlNode, YamlScalar};
use crate::settings::BackupSettings;

rule! {
    /// Finds a build context that contains the backup directory, without a `.dockerignore` that excludes it.
    ///
    /// ## Why it matters
    ///
    /// `COPY . .` puts the backups, and with them all data, into the image and into every registry that it is pushed
    /// to. The build also sends them to the builder, and a new backup invalidates the build cache.
    ///
    /// Docker reads `DOCKERFILE.dockerignore` next to the Dockerfile or, without one, `.dockerignore` in the build
    /// context. Its patterns start at the root of the context: `backups` does not exclude `data/backups`.
    ///
    /// The finding is an info as long as neither the backup directory nor `x-safe-compose` is there.
    ///
    /// ## Bad
    ///
    /// ```yaml
    /// x-safe-compose:
    ///   backup: { directory: ./backups }
    /// services:
    ///   web:
    ///     build: .
    ///   db:
    ///     image: postgres:17
    ///     volumes: ["data:/var/lib/postgresql/data"]
    /// volumes:
    ///   data:
    /// ```
    ///
    /// ## Good
    ///
    /// ```yaml
    /// x-safe-compose:
    ///   backup: { directory: ./backups }
    /// services:
    ///   web:
    ///     build: ./web
    ///   db:
    ///     image: postgres:17
    ///     volumes: ["data:/var/lib/postgresql/data"]
    /// volumes:
    ///   data:
    /// ```
    "backups-in-build-context", Warning, Project(check)
}

fn check(project: &LintProject, report: &mut RuleReport) {
    let setting = project
        .root
        .get("x-safe-compose")
        .and_then(|settings| settings.get("backup")?.get("directory")?.as_scalar().cloned());
    let directory = match &setting {
        Some(setting) => host_path(&absolute(&project.directory), setting),
        None => Some(absolute(&project.directory).join(plain(&BackupSettings::default().directory))),
    };
    let Some(directory) = directory else { return };
    let expected = project.settings().is_some() || directory.is_dir();
    if !expected && project.stores().next().is_none() {
        return;
    }
    for service in &project.services {
        let Some((context, path)) = context(project, service) else { continue };
        let Ok(inside) = directory.strip_prefix(&path) else { continue };
        let Some(inside) = inside.to_str().filter(|inside| !inside.is_empty()) else { continue };
        let (ignore_file, patterns) = patterns(service, &path);
        if patterns.excludes(&format!("{inside}/{BACKUP_FILE}")) {
            continue;
        }
        let message = format!(
            "the build context of `{}` contains the backup directory `{inside}`: `COPY . .` puts the backups into the image",
            service.name.as_str()
        );
        report
            .for_service(service, context.span, message)
            .severity(if expected { LintSeverity::Warning } else { LintSeverity::Info })
            .help(format!("Add the line `{inside}` to `{ignore_file}` in the build context."));
    }
}

/// A file that every backup has, below the backup directory.
const BACKUP_FILE: &str = "service/service_backup_20260101_000000/manifest.json";

/// The build context of a service, as it is written and where it is.
fn context<'a>(project: &LintProject, service: &'a LintService) -> Option<(&'a YamlScalar, PathBuf)> {
    let build = service.node.get("build")?;
    let context = build.as_scalar().or_else(|| build.get("context")?.as_scalar())?;
    let is_url = context.as_str().contains("://") || context.as_str().starts_with("git@");
    let path = host_path(&absolute(project.files.base(context.span.file)), context)?;
    (!is_url).then_some((context, path))
}

/// The file with the patterns that apply, and the patterns.
fn patterns(service: &LintService, context: &Path) -> (String, DockerIgnore) {
    let dockerfile =
        service.node.get("build").and_then(|build| build.get("dockerfile")).and_then(YamlNode::as_str);
    let own = format!("{}.dockerignore", dockerfile.unwrap_or("Dockerfile"));
    let found = [own.as_str(), ".dockerignore"]
        .into_iter()
        .find_map(|name| Some((name.to_owned(), DockerIgnore::parse(&read_file(&context.join(name)).ok()?))));
    found.unwrap_or_else(|| (".dockerignore".to_owned(), DockerIgnore::default()))
}

/// A path that contains every directory above it, so that paths can be compared.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// A relative path without its `./`.
fn plain(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}
