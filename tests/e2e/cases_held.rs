//! Cases from bug reports that held when they were first tried, and have to hold.

use std::fs;

use crate::support::bare::docker;
use crate::support::stand_in::{StandIn, directory_of, wait_for};
use crate::support::{Compose, Scratch, machine};

const TARGET: &str = "/var/lib/postgresql/data";

#[test]
fn case_02_a_version_renames_the_service_and_its_volume() {
    if !machine::engine() {
        return;
    }
    let (old, new) =
        (StandIn::postgres_version("langfuse", "16"), StandIn::postgres_version("langfuse", "17"));
    let file = |service: &str, image: &StandIn, key: &str| {
        format!(
            "services: {{ {service}: {{ image: \"{}\", network_mode: none, volumes: [ \"{key}:{TARGET}\" ] }} }}\nvolumes: {{ {key}: }}\n",
            image.reference
        )
    };
    let first = file("db", &old, "database_data");
    let Some(project) = Scratch::new(Compose::V2, &first) else { return };
    project.safe(&["up", "-d"]).exits(0);
    let volume = project.volume("database_data");
    wait_for(&directory_of(&volume).join("MARK"));
    fs::write(project.path("docker-compose.yml"), file("postgres", &new, "langfuse_postgres_data"))
        .expect("written");
    project.safe(&["up", "-d"]).exits(77).says(&volume).says("--safe-allow=");
    project.plain(&["down", "--remove-orphans"]).exits(0);
    project.safe(&["up", "-d"]).exits(77).says(&volume).says("--safe-allow=");
    fs::write(project.path("docker-compose.yml"), first).expect("written");
    project.safe(&["up", "-d"]).exits(0);
}

#[test]
fn case_10_relative_paths_start_at_the_first_file() {
    if !machine::engine() {
        return;
    }
    let image = StandIn::mysql("order");
    let file = |name: &str| {
        format!(
            "services: {{ db-{name}: {{ image: \"{}\", network_mode: none, volumes: [ \"./data-{name}:/var/lib/mysql\" ] }} }}\n",
            image.reference
        )
    };
    let Some(project) = Scratch::new(Compose::V2, "services: {}\n") else { return };
    for name in ["a", "b"] {
        fs::create_dir(project.path(&format!("svc-{name}"))).expect("made");
        fs::write(project.path(&format!("svc-{name}/compose.yml")), file(name)).expect("written");
    }
    let order = |first: &str, second: &str, words: &[&str]| {
        let (first, second) = (format!("svc-{first}/compose.yml"), format!("svc-{second}/compose.yml"));
        project.safe(&[&["-f", &first, "-f", &second], words].concat())
    };
    order("a", "b", &["up", "-d"]).exits(0);
    wait_for(&project.path("svc-a/data-b/MARK"));
    wait_for(&project.path("svc-a/data-a/MARK"));
    order("a", "b", &["up", "-d"]).exits(0);
    order("b", "a", &["up", "-d"]).exits(77).says("svc-a/data-b").says("--safe-allow=");
    project.plain(&["-f", "svc-a/compose.yml", "-f", "svc-b/compose.yml", "down"]).exits(0);
    // The containers are gone, and with them everything on the engine that knew of the directories.
    order("b", "a", &["up", "-d"]).exits(77).says("svc-a/data-b").says("svc-a/compose.yml` is named first");
    fs::rename(project.path("svc-a/data-b"), project.path("svc-a/old-b")).expect("moved");
    fs::rename(project.path("svc-a/data-a"), project.path("svc-a/old-a")).expect("moved");
    order("b", "a", &["up", "-d"]).exits(0).says("svc-b/data-a` does not exist");
    project.plain(&["-f", "svc-b/compose.yml", "-f", "svc-a/compose.yml", "down", "-t", "1"]).exits(0);
}

#[test]
fn case_11_the_directory_of_a_volume_changes() {
    if !machine::engine() {
        return;
    }
    let image = StandIn::postgres("device");
    let Some(project) = Scratch::new(Compose::V2, "services: {}\n") else { return };
    let write = |directory: &str| {
        let device = project.path(directory);
        fs::create_dir_all(&device).expect("made");
        let text = format!(
            "services: {{ db: {{ image: \"{}\", network_mode: none, volumes: [ \"data:{TARGET}\" ] }} }}\nvolumes: {{ data: {{ driver_opts: {{ type: none, o: bind, device: \"{}\" }} }} }}\n",
            image.reference,
            device.display()
        );
        fs::write(project.path("docker-compose.yml"), text).expect("written");
    };
    write("one");
    project.safe(&["up", "-d"]).exits(0);
    wait_for(&project.path("one/MARK"));
    write("two");
    project.safe(&["up", "-d", "-y"]).exits(77).says(&project.volume("data")).says("--safe-allow=");
    // Without a terminal the answer to Compose's own question is no.
    project.safe(&["up", "-d"]).exits(0);
    let device = ["volume", "inspect", "--format", "{{.Options.device}}", &project.volume("data")];
    assert_eq!(docker(&device).expect("there"), project.path("one").display().to_string());
    assert!(!project.path("two/MARK").exists());
}

#[test]
fn case_17_the_mount_is_beside_the_data() {
    if !machine::engine() {
        return;
    }
    let image = StandIn::mongo("beside");
    for target in ["/data", "/data/db/mongo"] {
        let file = format!(
            "services: {{ mongo: {{ image: \"{}\", network_mode: none, volumes: [ \"data:{target}\" ] }} }}\nvolumes: {{ data: }}\n",
            image.reference
        );
        let Some(project) = Scratch::new(Compose::V2, &file) else { return };
        project.safe(&["up", "-d"]).exits(0);
        project.safe(&["down"]).exits(77).says("anonymous volume at `/data/db`").says("--safe-allow=");
        project.safe(&["up", "-d"]).exits(0);
        // An external volume that is not there stops `up` before anything is created.
        let missing = "volumes: { data: { external: true, name: sctest-not-there } }";
        let external = file.replace("volumes: { data: }", missing);
        fs::write(project.path("docker-compose.yml"), external).expect("written");
        project.safe(&["up", "-d"]).exits(77).says("sctest-not-there");
        fs::write(project.path("docker-compose.yml"), file).expect("written");
    }
}

#[test]
fn case_20_unused_volumes_are_pruned_after_a_down() {
    if !machine::engine() {
        return;
    }
    let (image, app) = (StandIn::postgres("pruned"), StandIn::app("pruned"));
    let file = format!(
        "services:\n  db: {{ image: \"{}\", network_mode: none, volumes: [ \"pgdata:{TARGET}\" ] }}\n  webserver: {{ image: \"{}\", network_mode: none, environment: {{ DATA_PATH: /data }}, volumes: [ \"media:/data\" ] }}\nvolumes: {{ pgdata: , media: }}\n",
        image.reference, app.reference
    );
    for protected in [true, false] {
        let Some(project) = Scratch::new(Compose::V2, &file) else { return };
        project.safe(&["up", "-d"]).exits(0);
        if protected {
            project.safe(&["protect"]).exits(0);
        }
        project.safe(&["down"]).exits(0);
        // Newer engines prune named volumes only with `--all`.
        let label = format!("label=com.docker.compose.project={}", project.project);
        let all = ["volume", "prune", "-f", "--all", "--filter", &label];
        let _ = docker(&all).or_else(|_| docker(&["volume", "prune", "-f", "--filter", &label]));
        for key in ["pgdata", "media"] {
            let is_there = docker(&["volume", "inspect", &project.volume(key)]).is_ok();
            assert_eq!(is_there, protected, "{key}");
        }
        if protected {
            project.safe(&["up", "-d"]).exits(0);
            let volumes = [project.volume("pgdata"), project.volume("media")];
            for volume in volumes {
                let holder = safe_compose::protect::holder_name(&volume);
                docker(&["rm", "-f", &holder]).expect("removed");
            }
        }
    }
}
