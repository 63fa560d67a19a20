//! Test restores, as the program does them: what it prints, and how it ends.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::databases::statements;
use crate::support::database::Database;
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

fn name(backup: &Path) -> String {
    backup.file_name().expect("a name").to_string_lossy().into_owned()
}

/// A running server with a few rows.
fn filled(database: Database) -> Option<Scratch> {
    let project = database.project(Compose::V2)?;
    project.safe(&["up", "-d"]).exits(0);
    database.wait_ready(&project);
    let (write, _) = statements(database);
    database.query(&project, write).unwrap_or_else(|| panic!("{database:?} does not write"));
    Some(project)
}

/// What the manifest says is changed, and with it nothing else.
fn edit_manifest(backup: &Path, from: &str, to: &str) {
    let manifest = backup.join("manifest.json");
    let text = fs::read_to_string(&manifest).expect("read");
    assert!(text.contains(from), "{text}");
    fs::write(&manifest, text.replace(from, to)).expect("written");
}

#[test]
fn dumps_of_real_servers_are_restored_into_temporary_ones() {
    for database in [Database::Postgres15, Database::Mariadb] {
        let Some(project) = filled(database) else { continue };
        project.safe(&["backup", "--prove"]).exits(0).says("succeeded: 1 database").says("1000 rows");
        assert!(project.safe(&["backups"]).exits(0).stdout.contains("restored"));
        let [backup] = project.backups("db").try_into().expect("one backup");
        edit_manifest(&backup, ": 1000", ": 1001");
        project.safe(&["verify", &name(&backup)]).exits(0);
        let refused = project.safe(&["verify", &name(&backup), "--prove"]).exits(76);
        refused.says("cannot be restored").says("1000 rows instead of 1001");
        edit_manifest(&backup, ": 1001", ": 1000");
        edit_manifest(&backup, "\"image", "\"was_image");
        edit_manifest(&backup, "\"kind\"", "\"image\": \"postgres:0\", \"image_id\": \"\", \"kind\"");
        project.safe(&["verify", &name(&backup), "--prove"]).exits(75).says("could not be test-restored");
    }
}

#[test]
fn servers_are_started_on_the_copies_of_their_files() {
    for database in [Database::Postgres15, Database::Mariadb, Database::Redis] {
        let Some(project) = filled(database) else { continue };
        project.plain(&["stop"]);
        let proven = project.safe(&["backup", "--prove"]).exits(0).says("succeeded");
        match database {
            Database::Redis => proven.says("1 key."),
            _ => proven.says("1000 rows"),
        };
        assert!(project.safe(&["backups"]).exits(0).stdout.contains("restored"), "{database:?}");
        let [backup] = project.backups("db").try_into().expect("one backup");
        project.safe(&["verify", &name(&backup), "--prove"]).exits(0).says("succeeded");
    }
}

#[test]
fn files_that_no_server_starts_on_cannot_be_restored() {
    for (database, broken) in [
        (Database::Postgres15, "global/pg_control"),
        (Database::Mariadb, "ibdata1"),
        (Database::Redis, "dump.rdb"),
    ] {
        let Some(project) = filled(database) else { continue };
        project.plain(&["stop"]);
        let damage = format!("printf 'REDIS0010 damaged' > {}/{broken}", database.data_path());
        let (volume, path) = (project.volume("data"), database.data_path());
        let ran = Command::new("docker")
            .args(["run", "--rm", "--volume", &format!("{volume}:{path}"), "--entrypoint", "sh"])
            .args([database.image().expect("an image").as_str(), "-c", &damage])
            .status()
            .expect("docker");
        assert!(ran.success());
        project.safe(&["backup"]).exits(0);
        let [backup] = project.backups("db").try_into().expect("one backup");
        let proven = project.safe(&["verify", &name(&backup), "--prove"]).exits(76);
        proven.says("cannot be restored").says("the server exited with code");
        assert!(project.safe(&["backups"]).exits(0).stdout.contains("failed"), "{database:?}");
    }
}
