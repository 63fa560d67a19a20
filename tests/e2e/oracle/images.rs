//! The images of the trials: busybox, which dies at once when told to.
//!
//! They are made by whoever comes first and stay on the engine, two megabytes, for the next run: their ids must not
//! change while a trial runs.

use std::fs::File;
use std::sync::OnceLock;

use crate::support::bare::{docker, root_file_system};

/// The images' name; the number goes up when the recipe changes.
pub const NAME: &str = "sctest-oracle-1";

const COMMAND: &str =
    r#"CMD ["/bin/sh", "-c", "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait; done"]"#;

/// Makes the images where they are missing.
pub fn ensure() {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| {
        let lock = File::create(std::env::temp_dir().join(format!("{NAME}.lock"))).expect("a lock file");
        lock.lock().expect("locked");
        import("plain", &[]);
        import("other", &["LABEL other=yes"]);
        import("volume", &["VOLUME /imgvol"]);
    });
}

fn import(tag: &str, lines: &[&str]) {
    let name = format!("{NAME}:{tag}");
    if docker(&["image", "inspect", &name]).is_ok() {
        return;
    }
    let mut words = vec!["import", "--change", COMMAND];
    for line in lines {
        words.extend(["--change", line]);
    }
    words.extend(["-", &name]);
    duct::cmd("docker", words).stdin_bytes(root_file_system()).stdout_null().run().expect("imported");
}
