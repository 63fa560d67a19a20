//! Cases from bug reports in which a store starts away from its data.

use std::fs;

use crate::support::folder::Folder;
use crate::support::stand_in::{StandIn, directory_of, wait_for};
use crate::support::{Compose, Scratch, machine};

const TARGET: &str = "/var/lib/postgresql/data";

/// A file with one service, whose data is in the volume `data`.
fn stack(image: &StandIn, target: &str) -> String {
    format!(
        "services: {{ db: {{ image: \"{}\", network_mode: none, volumes: [ \"data:{target}\" ] }} }}\nvolumes: {{ data: }}\n",
        image.reference
    )
}

#[test]
fn case_18_the_data_path_moves_with_the_version() {
    if !machine::engine() {
        return;
    }
    let old = StandIn::postgres_version("path", "17");
    let new = StandIn::postgres_version("path", "18");
    let Some(project) = Scratch::new(Compose::V2, &stack(&old, TARGET)) else { return };
    project.safe(&["up", "-d"]).exits(0);
    wait_for(&directory_of(&project.volume("data")).join("MARK"));
    project.safe(&["up", "-d"]).exits(0).never_says("starts without it");
    fs::write(project.path("docker-compose.yml"), stack(&new, TARGET)).expect("written");
    let refused = project.safe(&["up", "-d"]).exits(77);
    refused.says("/var/lib/postgresql/18/docker").says("leaves behind data").says("--safe-allow=");
    project.plain(&["down"]).exits(0);
    project.safe(&["up", "-d"]).exits(77).says("not in volume").says("--safe-allow=");
    assert_eq!(project.plain(&["ps", "-aq"]).stdout, "");
    fs::write(project.path("docker-compose.yml"), stack(&old, TARGET)).expect("written");
    project.safe(&["up", "-d"]).exits(0);
}

#[test]
fn case_18_a_new_project_with_the_mount_at_the_old_path_is_told() {
    if !machine::engine() {
        return;
    }
    let new = StandIn::postgres_version("newpath", "18");
    let Some(project) = Scratch::new(Compose::V2, &stack(&new, TARGET)) else { return };
    project.safe(&["up", "-d"]).exits(0).says("not in volume");
    let Some(right) = Scratch::new(Compose::V2, &stack(&new, "/var/lib/postgresql")) else { return };
    right.safe(&["up", "-d"]).exits(0).never_says("not in volume");
}

#[test]
fn case_13_an_override_file_is_not_read() {
    if !machine::engine() {
        return;
    }
    let image = StandIn::postgres("override");
    let file = format!("services: {{ db: {{ image: \"{}\", network_mode: none }} }}\n", image.reference);
    let mount = |source: &str| format!("services: {{ db: {{ volumes: [ \"{source}:{TARGET}\" ] }} }}\n");
    let with_override = || {
        let project = Scratch::new(Compose::V2, &file)?;
        fs::write(project.path("docker-compose.override.yml"), mount("./pgdata")).expect("written");
        Some(project)
    };
    let without = &["-f", "docker-compose.yml", "up", "-d"][..];
    let Some(never_with_it) = with_override() else { return };
    never_with_it.safe(without).exits(0).never_says("does not read");

    let Some(project) = with_override() else { return };
    project.safe(&["up", "-d"]).exits(0);
    wait_for(&project.path("pgdata/MARK"));
    project.safe(without).exits(77).says("/pgdata");
    project.plain(&["down"]).exits(0);
    let refused = project.safe(without).exits(77);
    refused.says("docker-compose.override.yml").says("does not read").says("--safe-allow=");
    assert_eq!(project.plain(&["ps", "-aq"]).stdout, "");
    project.safe(&["up", "-d"]).exits(0);
    project.plain(&["down"]).exits(0);
}

#[test]
fn case_13_no_mount_and_a_volume_of_the_project_with_the_data() {
    if !machine::engine() {
        return;
    }
    let image = StandIn::postgres("nomount");
    let Some(project) = Scratch::new(Compose::V2, &stack(&image, TARGET)) else { return };
    project.safe(&["up", "-d"]).exits(0);
    wait_for(&directory_of(&project.volume("data")).join("MARK"));
    project.plain(&["down"]).exits(0);
    let with = fs::read_to_string(project.path("docker-compose.yml")).expect("there");
    let bare = format!("services: {{ db: {{ image: \"{}\", network_mode: none }} }}\n", image.reference);
    fs::write(project.path("docker-compose.yml"), bare).expect("written");
    project.safe(&["up", "-d"]).exits(77).says("a new anonymous volume").says("--safe-allow=");
    fs::write(project.path("docker-compose.yml"), with).expect("written");
    project.safe(&["up", "-d"]).exits(0);
}

/// A stack runs, and its file is moved from one directory into another. Tests that run at the same time need images of
/// their own, which `case` names.
fn file_moves(case: &str, from: &str, to: &str) {
    if !machine::engine() {
        return;
    }
    let image = StandIn::postgres(case);
    let Some(folder) = Folder::new() else { return };
    // A directory below is named like the folder, so that its project is removed with it.
    let below = |path: &str| path.replace("SUB", &format!("{}sub", folder.name));
    let (from, to) = (below(from), below(to));
    folder.write(&format!("{from}/docker-compose.yml"), &stack(&image, TARGET));
    fs::create_dir_all(folder.path(&to)).expect("made");
    folder.safe(&from, &["up", "-d"]).exits(0);
    let project = if from == "." { folder.name.clone() } else { from.clone() };
    wait_for(&directory_of(&format!("{project}_data")).join("MARK"));

    let file = |directory: &str| folder.path(directory).join("docker-compose.yml");
    fs::rename(file(&from), file(&to)).expect("moved");
    let refused = folder.safe(&to, &["up", "-d"]).exits(77);
    refused.says("which is not there any more").says(&format!("`{project}`")).says("--safe-allow=");
    folder.plain(&to, &["-p", &project, "down"]).exits(0);
    folder.safe(&to, &["up", "-d"]).exits(77).says(&format!("{project}_data")).says("starts empty");
    // The file is where it was.
    fs::rename(file(&to), file(&from)).expect("moved");
    folder.safe(&from, &["up", "-d"]).exits(0);
    // Another file beside it is another stack.
    folder.write(&format!("{to}/docker-compose.yml"), &stack(&image, TARGET));
    folder.safe(&to, &["up", "-d"]).exits(0).never_says("starts empty");
}

#[test]
fn case_23_the_file_moves_into_a_subfolder() {
    file_moves("moved-in", ".", "SUB");
}

#[test]
fn case_23_the_file_moves_out_of_a_subfolder() {
    file_moves("moved-out", "SUB", ".");
}

#[test]
fn case_08_another_profile_switches_the_database() {
    if !machine::engine() {
        return;
    }
    let (postgres, mysql) = (StandIn::postgres("switch"), StandIn::mysql("switch"));
    let file = format!(
        "services:\n  db_postgres: {{ image: \"{}\", network_mode: none, profiles: [ postgresql ], volumes: [ \"./pg:{TARGET}\" ] }}\n  db_mysql: {{ image: \"{}\", network_mode: none, profiles: [ mysql ], volumes: [ \"./mysql:/var/lib/mysql\" ] }}\n",
        postgres.reference, mysql.reference
    );
    let Some(project) = Scratch::new(Compose::V2, &file) else { return };
    let with = |profile: &str| project.safe_with(&["up", "-d"], &[("COMPOSE_PROFILES", profile)]).exits(0);
    let all_down = || project.plain(&["--profile", "*", "down", "-t", "1"]).exits(0);
    with("postgresql").never_says("starts empty");
    wait_for(&project.path("pg/MARK"));
    with("postgresql").never_says("starts empty");
    with("mysql").says("`db_postgres`, which this command leaves alone, keeps running").says("starts empty");
    wait_for(&project.path("mysql/MARK"));
    with("mysql").never_says("starts empty");
    all_down();
    with("mysql").never_says("starts empty");
    all_down();
    fs::remove_dir_all(project.path("mysql")).expect("removed");
    with("mysql").says("whose profile is not active").says("starts empty");
    all_down();
}

#[test]
fn case_07_the_project_of_an_editor_is_down() {
    if !machine::engine() {
        return;
    }
    let image = StandIn::postgres("editor");
    let Some(folder) = Folder::new() else { return };
    folder.write(".devcontainer/docker-compose.yml", &stack(&image, TARGET));
    let project = format!("{}_devcontainer", folder.name);
    folder.plain(".devcontainer", &["-p", &project, "up", "-d"]).exits(0);
    wait_for(&directory_of(&format!("{project}_data")).join("MARK"));
    folder.safe(".devcontainer", &["up", "-d"]).exits(77).says(&project);
    folder.plain(".devcontainer", &["-p", &project, "down"]).exits(0);
    folder.safe(".devcontainer", &["up", "-d"]).exits(77).says(&project).says("starts empty");
    folder.safe(".devcontainer", &["-p", &project, "up", "-d"]).exits(0).never_says("starts empty");
}

#[test]
fn a_project_is_renamed_after_a_down() {
    if !machine::engine() {
        return;
    }
    let image = StandIn::postgres("renamed");
    let Some(mut folder) = Folder::new() else { return };
    let named = |name: &str| format!("name: \"{name}\"\n{}", stack(&image, TARGET));
    let (first, second) = (format!("{}one", folder.name), format!("{}two", folder.name));
    folder.write("docker-compose.yml", &named(&first));
    folder.safe(".", &["up", "-d"]).exits(0);
    wait_for(&directory_of(&format!("{first}_data")).join("MARK"));
    folder.safe(".", &["down"]).exits(0);
    folder.write("docker-compose.yml", &named(&second));
    folder.safe(".", &["up", "-d"]).exits(77).says(&first).says("starts empty");
    // The records move with the directory.
    folder.write("docker-compose.yml", &stack(&image, TARGET));
    let longer = format!("{}longer", folder.name);
    folder.rename(&longer);
    folder.safe(".", &["up", "-d"]).exits(77).says(&first).says("starts empty");
    folder.write("docker-compose.yml", &named(&first));
    folder.safe(".", &["up", "-d"]).exits(0);
}
