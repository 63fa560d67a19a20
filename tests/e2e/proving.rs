//! Test restores, as the program does them: what it prints, and how it ends.

use std::fs;

use crate::support::qdrant::NAMED;
use crate::support::{Compose, Qdrant, Scratch};

#[test]
fn a_backup_that_comes_back_is_proven_and_one_that_does_not_is_marked() {
    let Some(scratch) = Scratch::new(Compose::V2, NAMED) else { return };
    scratch.safe(&["up", "-d"]).exits(0);
    Qdrant::at(&scratch.published("qdrant", 6333)).fill("recipes", 20);
    scratch.safe(&["backup", "--prove"]).exits(0).says("succeeded: 1 collection, 20 points");
    let [backup] = scratch.backups("qdrant").try_into().expect("one backup");
    assert!(scratch.safe(&["backups"]).exits(0).stdout.contains("restored"));

    // Counted as more than its snapshot holds: whole as files, and not what it says.
    let manifest = backup.join("manifest.json");
    let text = fs::read_to_string(&manifest).expect("read");
    assert!(text.contains("\"points\": 20"), "{text}");
    fs::write(&manifest, text.replace("\"points\": 20", "\"points\": 21")).expect("written");
    let name = backup.file_name().expect("a name").to_string_lossy().into_owned();
    scratch.safe(&["verify", &name]).exits(0);
    scratch.safe(&["verify", &name, "--prove"]).exits(76).says("cannot be restored").says("20 of 21 points");
    assert!(scratch.safe(&["backups"]).exits(0).stdout.contains("failed"));
    scratch.safe(&["restore", &name]).says("the last test restore of this backup failed");
}
