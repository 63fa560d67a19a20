//! Records where the project is, before the command may remove what shows it.

use crate::commands::context::ProjectContext;
use crate::commands::home_record::{self, RecordedHome};
use crate::commands::mode::Apply;
use crate::engine::newest_with_directory;

/// Records the directory of the project, if it is known.
pub(super) fn remember(cx: &ProjectContext<'_>, apply: Apply) {
    let Some(home) = current(cx) else { return };
    if let Err(error) = home_record::write(cx.command, &cx.project.name, home, apply) {
        tracing::debug!(%error, "the directory of the project is not recorded");
    }
}

/// What the files of the command say, or else the labels of the project's containers.
fn current(cx: &ProjectContext<'_>) -> Option<RecordedHome> {
    let engine = cx.identity().id.clone();
    let project = &cx.project;
    if !project.label_mode && project.whole_model().is_some() {
        let is_read_again = !project.files.iter().any(|file| file.as_os_str() == "-");
        let files = project.files.iter().map(|file| cx.command.env.current_dir.join(file)).collect();
        return is_read_again.then(|| RecordedHome { engine, directory: project.directory.clone(), files });
    }
    let (newest, directory) = newest_with_directory(&cx.containers).filter(|(_, path)| path.is_dir())?;
    let files = newest.created_from_files().collect();
    Some(RecordedHome { engine, directory: directory.to_owned(), files })
}
