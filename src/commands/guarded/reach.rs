//! Which services a command acts on.

use std::collections::BTreeSet;

use crate::compose::model::Model;

/// The services that a command names. Behind its service, `run` has the words of another program; `scale` says
/// `service=number`.
pub(super) fn named(subcommand: &str, operands: &[String]) -> Vec<String> {
    match subcommand {
        "run" => operands.iter().take(1).cloned().collect(),
        "scale" => operands.iter().map(|word| word.split('=').next().unwrap_or(word).to_owned()).collect(),
        _ => operands.to_vec(),
    }
}

/// The services named, with what they depend on unless `--no-deps` was said; `None` means all of them.
pub(super) fn services(
    subcommand: &str,
    operands: &[String],
    model: Option<&Model>,
    dependencies: bool,
) -> Option<BTreeSet<String>> {
    let named = named(subcommand, operands);
    if named.is_empty() {
        return None;
    }
    Some(match model.filter(|_| dependencies) {
        Some(model) => {
            let reached = model.with_dependencies(named.iter().map(String::as_str));
            reached.into_iter().map(str::to_owned).collect()
        }
        None => named.into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::Service;

    fn model() -> Model {
        let service = |name: &str, depends_on: &[&str]| Service {
            name: name.into(),
            depends_on: depends_on.iter().map(|&name| name.into()).collect(),
            ..Service::default()
        };
        let services = [service("web", &["api"]), service("api", &["db", "web"]), service("db", &[])];
        Model { services: services.into_iter().map(|s| (s.name.clone(), s)).collect(), ..Model::default() }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.into()).collect()
    }

    #[test]
    fn dependencies_are_followed_to_the_end_and_in_circles() {
        let reached = services("up", &names(&["web"]), Some(&model()), true).expect("named");
        assert_eq!(reached, ["api", "db", "web"].map(str::to_owned).into());
        let reached = services("up", &names(&["web"]), Some(&model()), false).expect("named");
        assert_eq!(reached, ["web"].map(str::to_owned).into());
        assert_eq!(services("up", &[], Some(&model()), true), None);
    }

    #[test]
    fn the_words_behind_run_are_not_services() {
        let reached = services("run", &names(&["db", "web"]), Some(&model()), true).expect("named");
        assert_eq!(reached, ["db"].map(str::to_owned).into());
    }
}
