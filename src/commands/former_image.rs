//! Gives a service the image that it had, while the Compose file names another one: through the real Compose, with a file
//! that overrides the image.
//!
//! The file stays in the backup directory: the labels of the container name it, and Compose reads it where the project is
//! found by them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::context::ProjectContext;
use super::mode::Apply;
use super::real_compose::compose_with;
use crate::compose::grammar::Grammar;
use crate::compose::subcommand::{GuardedCommand, HarmlessCommand};
use crate::engine::{Container, EngineError};
use crate::error::Failure;
use crate::exit::Exit;
use crate::fs::{PRIVATE_FILE, create_ignored_dir_all, write_atomically};

/// A service with an image that the Compose file does not name.
pub(super) struct FormerImage<'a> {
    cx: &'a ProjectContext<'a>,
    service: String,
    file: PathBuf,
}

impl<'a> FormerImage<'a> {
    pub(super) fn new(
        cx: &'a ProjectContext<'a>,
        _: Apply,
        service: &str,
        image: &str,
    ) -> Result<Self, Failure> {
        let directory = cx.root.directory();
        // Only the owner and root can read what is in there.
        let file = directory.join(format!(".image-of-{service}.yaml"));
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let content = format!(
            "{}services:\n  {}:\n    image: {}\n",
            version_line(cx).unwrap_or_default(),
            quoted(service),
            quoted(&image.replace('$', "$$"))
        );
        create_ignored_dir_all(directory)
            .and_then(|()| write_atomically(&file, content.as_bytes(), PRIVATE_FILE))
            .map_err(|error| {
                Failure::new(Exit::BackupFailed, format!("`{}` cannot be written", file.display()))
                    .because(error)
            })?;
        Ok(Self { cx, service: service.to_owned(), file })
    }

    async fn compose(&self, words: &[&str]) -> Result<(), Failure> {
        let services = BTreeSet::from([self.service.clone()]);
        compose_with(self.cx, &self.file, words, &services).await
    }

    /// Pulls the image.
    pub(super) async fn pull(&self) -> Result<(), Failure> {
        self.compose(&[HarmlessCommand::Pull.name()]).await
    }

    /// Creates the container of the service anew, without starting it.
    pub(super) async fn create(&self) -> Result<(), Failure> {
        self.compose(&[GuardedCommand::Up.name(), "--no-start", "--no-deps"]).await
    }

    /// Creates the container of the service anew where that is necessary, and starts it.
    pub(super) async fn up(&self) -> Result<(), Failure> {
        self.compose(&[GuardedCommand::Up.name(), "-d", "--no-deps"]).await
    }
}

/// Compose V1 wants all files to have the same version.
fn version_line(cx: &ProjectContext<'_>) -> Option<String> {
    match cx.command.grammar {
        Grammar::V2 => None,
        Grammar::V1 => {
            let text = std::fs::read_to_string(cx.project.files.first()?).ok()?;
            let line = text.lines().find(|line| line.starts_with("version:"))?;
            Some(format!("{line}\n"))
        }
    }
}

/// The name of a container's image, if that is still the same image; otherwise its id.
pub(super) async fn name_of(cx: &ProjectContext<'_>, container: &Container) -> Result<String, EngineError> {
    let named = cx.engine.image(&container.image).await?;
    let is_same = named.is_some_and(|image| image.id == container.image_id);
    Ok(if is_same { container.image.clone() } else { container.image_id.clone() })
}
