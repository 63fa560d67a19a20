//! What is said where everybody may change the backups.

use crate::backup::store::BackupRoot;
use crate::ui::Ui;

/// A backup that anybody can replace is restored like any other, so its user has to know.
pub(super) fn warn(ui: &Ui, root: &BackupRoot) {
    if root.is_open_to_all() {
        let directory = root.directory().display().to_string();
        ui.warn(format!(
            "every user of this machine can change the backups in `{directory}`. To prevent that: `{}`",
            shell_words::join(["chmod", "o-w", &directory]),
        ));
    }
}
