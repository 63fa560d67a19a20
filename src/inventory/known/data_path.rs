//! Where a container keeps its data: the paths of its program, narrowed down by what sets another path.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{KnownProgram, flag_value, program};
use crate::compose::image::Reference;
use crate::compose::model::Service;
use crate::engine::{Container, Image};
use crate::secret::Secret;

/// The data paths of a container: the one that its variables or its command set, otherwise all of its program, one of
/// which is used. Empty for an unknown program.
pub(in crate::inventory) fn of_container(container: &Container) -> Vec<PathBuf> {
    let Some(program) = program(&container.image) else { return Vec::new() };
    configured(program, &container.environment, &container.command)
        .map_or_else(|| every_path(program), |path| vec![path])
}

/// The data paths of the next container of a service. `found` is the service's image, `None` if the engine does not have
/// it. More than one where only the program itself knows which it uses.
pub fn of_service(service: &Service, found: Option<&Image>) -> Vec<PathBuf> {
    let Some(reference) = service.image.as_deref() else { return Vec::new() };
    let Some(program) = program(reference) else { return Vec::new() };
    let by_image = || {
        let value = found?.environment.get(program.variable?)?;
        value.starts_with('/').then(|| PathBuf::from(value))
    };
    let by_version = || if found.is_none() { by_version(program, reference) } else { None };
    let certain = configured(program, &service.environment, &service.command).or_else(by_image);
    if let Some(path) = certain.or_else(by_version) {
        return vec![path];
    }
    // An image that can keep its data at several paths declares a `VOLUME` at the one that it uses.
    let declares = |path: &Path| {
        found.is_some_and(|image| {
            image.volumes.iter().any(|volume| path.starts_with(volume) || volume.starts_with(path))
        })
    };
    let (declared, others): (Vec<_>, Vec<_>) =
        every_path(program).into_iter().partition(|path| declares(path));
    if declared.is_empty() { others } else { declared }
}

/// Every path at which some version of an image's program keeps its data.
pub fn every_path_of_image(image: &str) -> Vec<PathBuf> {
    program(image).map(every_path).unwrap_or_default()
}

/// Every path at which some version of a service's program keeps its data.
pub fn every_path_of_service(service: &Service) -> Vec<PathBuf> {
    service.image.as_deref().and_then(program).map(every_path).unwrap_or_default()
}

fn every_path(program: &KnownProgram) -> Vec<PathBuf> {
    program.paths.iter().map(PathBuf::from).collect()
}

/// The path that a variable or the command sets.
fn configured(
    program: &KnownProgram,
    environment: &BTreeMap<String, Secret>,
    command: &[String],
) -> Option<PathBuf> {
    let by_variable = program.variable.and_then(|name| environment.get(name)).map(Secret::expose);
    // The command wins: a program reads its flags last.
    let value = flag_value(command, program.flags).or(by_variable)?;
    value.starts_with('/').then(|| PathBuf::from(value))
}

/// From version 18 on, PostgreSQL's official image keeps the data of each version in a directory of its own.
fn by_version(program: &KnownProgram, reference: &str) -> Option<PathBuf> {
    let reference = Reference::parse(reference);
    let is_official = reference.name() == "postgres" && program.owner.is_none();
    let digits = reference.tag.unwrap_or_default().split(|letter: char| !letter.is_ascii_digit()).next();
    let major: u32 = digits?.parse().ok()?;
    (is_official && major >= 18).then(|| PathBuf::from(format!("/var/lib/postgresql/{major}/docker")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(image: &str) -> Service {
        Service { image: Some(image.into()), ..Service::default() }
    }

    fn paths(service: &Service, image: Option<&Image>) -> Vec<String> {
        of_service(service, image).iter().map(|path| path.display().to_string()).collect()
    }

    fn image(volumes: &[&str], variables: &[(&str, &str)]) -> Image {
        Image {
            volumes: volumes.iter().map(PathBuf::from).collect(),
            environment: variables.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
            ..Image::default()
        }
    }

    #[test]
    fn the_image_says_which_path_it_uses() {
        let new = image(&["/var/lib/postgresql"], &[("PGDATA", "/var/lib/postgresql/18/docker")]);
        assert_eq!(paths(&service("postgres:18"), Some(&new)), ["/var/lib/postgresql/18/docker"]);
        let rootless = image(&["/var/lib/gitea", "/etc/gitea"], &[]);
        assert_eq!(paths(&service("gitea/gitea:1-rootless"), Some(&rootless)), ["/var/lib/gitea"]);
        let usual = image(&["/data"], &[]);
        assert_eq!(paths(&service("gitea/gitea:1"), Some(&usual)), ["/data"]);
        assert_eq!(paths(&service("gitea/gitea:1"), None), ["/var/lib/gitea", "/data"], "it may be either");
    }

    #[test]
    fn an_image_that_is_still_to_be_pulled_is_known_by_its_version() {
        assert_eq!(paths(&service("postgres:18.1-alpine"), None), ["/var/lib/postgresql/18/docker"]);
        assert_eq!(
            paths(&service("mirror.example/library/postgres:19"), None),
            ["/var/lib/postgresql/19/docker"]
        );
        for undecided in ["postgres:17", "postgres", "postgres:latest"] {
            assert_eq!(paths(&service(undecided), None).len(), 2, "{undecided}");
        }
        assert_eq!(paths(&service("supabase/postgres:18"), None), ["/var/lib/postgresql/data"]);
    }

    #[test]
    fn the_service_sets_another_path() {
        let with = |image: &str, variables: &[(&str, &str)], command: &[&str]| Service {
            environment: variables.iter().map(|&(name, value)| (name.into(), Secret::new(value))).collect(),
            command: command.iter().map(|&word| word.into()).collect(),
            ..service(image)
        };
        let set = with("postgres:17", &[("PGDATA", "/pg/data")], &[]);
        assert_eq!(paths(&set, Some(&image(&[], &[("PGDATA", "/x")]))), ["/pg/data"]);
        assert_eq!(paths(&with("postgres:17", &[], &["postgres", "-D", "/pg"]), None), ["/pg"]);
        assert_eq!(paths(&with("mysql:8", &[], &["--datadir=/db"]), None), ["/db"]);
        assert_eq!(paths(&with("mysql:8", &[], &["--datadirectory=/db"]), None), ["/var/lib/mysql"]);
        assert!(paths(&with("acme/server", &[("PGDATA", "/x")], &[]), None).is_empty());
    }
}
