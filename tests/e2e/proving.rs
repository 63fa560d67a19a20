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

/// Where nothing was written since the last dump, a copy of the files has the rows that were counted then.
#[test]
fn a_copy_of_files_is_compared_with_the_last_dump() {
    let database = Database::Postgres15;
    let Some(project) = filled(database) else { return };
    // Transactions of the server itself would be taken for those of users.
    database.expect(&project, "ALTER SYSTEM SET autovacuum = off");
    database.expect(&project, "SELECT pg_reload_conf()");
    database.expect(&project, "CHECKPOINT");
    project.safe(&["backup"]).exits(0).says("dumped");
    let [dump] = project.backups("db").try_into().expect("one backup");
    project.plain(&["stop"]).exits(0);
    let equal = format!("1000 rows, as in the dump `{}`", name(&dump));
    project.safe(&["backup", "--prove"]).exits(0).says(&equal);
    let copy = name(project.backups("db").last().expect("a copy"));
    edit_manifest(&dump, ": 1000", ": 1001");
    let failed = project.safe(&["verify", &copy, "--prove"]).exits(76).says("nothing was written since");
    failed.says("has 1000 rows instead of 1001");
    edit_manifest(&dump, ": 1001", ": 1000");
    let evidence = project.backups("db").last().expect("a copy").clone();
    let text = fs::read_to_string(evidence.join("manifest.json")).expect("read");
    let id = text.split("\"id\": \"").nth(1).and_then(|rest| rest.split('"').next()).expect("an identifier");
    edit_manifest(&evidence, id, "1");
    project.safe(&["verify", &copy, "--prove"]).exits(76).says("and that of the service was 1");
    edit_manifest(&evidence, "\"id\": \"1\"", &format!("\"id\": \"{id}\""));

    project.plain(&["start"]).exits(0);
    database.wait_ready(&project);
    database.expect(&project, "INSERT INTO t VALUES (1001)");
    project.plain(&["stop"]).exits(0);
    project.safe(&["backup", "--prove"]).exits(0).says("1001 rows").never_says("as in the dump");
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
