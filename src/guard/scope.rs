//! Which services and containers a command acts on. The one place that answers it, for the guard, the preflight checks
//! and the verification alike.

use std::collections::BTreeSet;

use crate::compose::grammar::Grammar;
use crate::compose::invocation::Reading;
use crate::compose::model::Model;
use crate::engine::Container;

/// What a command that creates containers does with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is named, or no service is.
    Named,
    /// A named service depends on it.
    Dependency,
}

/// A command, the file and the containers, as far as they decide what the command acts on.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    pub reading: &'a Reading,
    /// Compose reads no file and finds the containers by label.
    pub label_mode: bool,
    /// The file with the profiles that the command activates.
    pub model: Option<&'a Model>,
    /// The file with every profile.
    pub whole_model: Option<&'a Model>,
    /// Every container of the project.
    pub containers: &'a [Container],
}

impl<'a> Scope<'a> {
    /// What the command does with a service if it creates containers; `None` when it leaves the service alone.
    pub fn role(&self, service: &str) -> Option<Role> {
        if !self.reading.creates_containers() || self.label_mode {
            return None;
        }
        let named = self.reading.named_services();
        if named.is_empty() {
            return self.is_active(service).then_some(Role::Named);
        }
        if named.contains(&service) {
            return self.reading.updates_containers().then_some(Role::Named);
        }
        let is_dependency = || self.with_dependencies(named.iter().copied()).contains(service);
        (!self.reading.is_set("no-deps") && is_dependency()).then_some(Role::Dependency)
    }

    /// Whether the command acts on a service if it stops or removes. Naming none means all.
    pub fn includes(&self, service: &str) -> bool {
        if self.reading.acts_on_everything() {
            return true;
        }
        let named = self.reading.named_services();
        if !named.is_empty() {
            return named.contains(&service)
                || (self.label_mode
                    && self.reading.removes_dependents_by_label()
                    && self.depends_on_named(service));
        }
        // A plain `down` leaves a container alone whose service is in no active profile (measured); one whose service
        // is not in the file at all is an orphan container.
        match (self.label_mode, self.reading.grammar, self.model) {
            (true, _, _) | (_, _, None) => true,
            (false, Grammar::V1, Some(_)) => {
                self.file().is_some_and(|model| model.services.contains_key(service))
            }
            (false, Grammar::V2, Some(model)) => model.services.contains_key(service),
        }
    }

    /// The containers of the services that the command stops or removes. One-off containers belong to no service,
    /// except for `down` of V1.
    pub fn containers(self) -> impl Iterator<Item = &'a Container> {
        let one_offs = self.reading.includes_one_offs();
        self.containers.iter().filter(move |container| {
            (one_offs || !container.is_one_off())
                && container.service().is_some_and(|service| self.includes(service))
        })
    }

    /// The services that the command starts, with those they depend on; `None` means all.
    pub fn started(&self) -> Option<BTreeSet<String>> {
        let named = self.reading.named_services();
        if named.is_empty() {
            return None;
        }
        Some(if self.reading.starts_dependencies() {
            self.with_dependencies(named)
        } else {
            named.into_iter().map(str::to_owned).collect()
        })
    }

    /// Whether the command synchronizes files of the host into a service's containers.
    pub fn watches(&self, service: &str) -> bool {
        if !self.reading.watches_files() || self.label_mode {
            return false;
        }
        let named = self.reading.named_services();
        if named.is_empty() { self.is_active(service) } else { named.contains(&service) }
    }

    /// Some services with everything that they depend on.
    pub fn with_dependencies<'n>(&self, named: impl IntoIterator<Item = &'n str>) -> BTreeSet<String> {
        let named: Vec<&str> = named.into_iter().collect();
        match self.file() {
            Some(model) => model.with_dependencies(named).into_iter().map(str::to_owned).collect(),
            None => named.into_iter().map(str::to_owned).collect(),
        }
    }

    fn file(&self) -> Option<&'a Model> {
        self.whole_model.or(self.model)
    }

    fn is_active(&self, service: &str) -> bool {
        self.model.is_none_or(|model| model.services.contains_key(service))
    }

    fn depends_on_named(&self, service: &str) -> bool {
        let mut reached: BTreeSet<&str> = self.reading.named_services().into_iter().collect();
        loop {
            let next = self.containers.iter().find_map(|container| {
                let dependent = container.service().filter(|name| !reached.contains(name))?;
                let needs = container.labels.get("com.docker.compose.depends_on")?;
                let needs_reached =
                    needs.split(',').any(|one| reached.contains(one.split(':').next().unwrap_or(one)));
                needs_reached.then_some(dependent)
            });
            match next {
                Some(name) => reached.insert(name),
                None => return reached.contains(service),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::invocation::Invocation;
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

    /// The started services, separated by spaces.
    fn started(line: &str) -> Option<String> {
        let words = line.split_whitespace().map(Into::into).collect();
        let reading = Invocation::parse(words).expect("valid").read(Grammar::V2);
        let model = model();
        let scope = Scope {
            reading: &reading,
            label_mode: false,
            model: Some(&model),
            whole_model: Some(&model),
            containers: &[],
        };
        scope.started().map(|services| services.into_iter().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn dependencies_are_started_too_also_circular_ones() {
        assert_eq!(started("up -d web").as_deref(), Some("api db web"));
        assert_eq!(started("up -d --no-deps web").as_deref(), Some("web"));
        assert_eq!(started("up -d"), None);
    }

    #[test]
    fn the_arguments_of_the_program_that_run_starts_are_no_services() {
        assert_eq!(started("run db web").as_deref(), Some("db"));
        assert_eq!(started("scale db=2").as_deref(), Some("db"));
    }

    #[test]
    fn a_restart_leaves_dependencies_alone() {
        assert_eq!(started("restart web").as_deref(), Some("web"));
        assert_eq!(started("start web").as_deref(), Some("api db web"));
    }
}
