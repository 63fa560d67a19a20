//! Which services a command starts.

use std::collections::BTreeSet;

use crate::compose::model::Model;

/// The services named, and everything that they depend on; `None` means all.
pub(super) fn services<'a>(named: &'a [String], model: Option<&'a Model>) -> Option<BTreeSet<&'a str>> {
    if named.is_empty() {
        return None;
    }
    let mut scope = BTreeSet::new();
    let mut open: Vec<&str> = named.iter().map(String::as_str).collect();
    while let Some(name) = open.pop() {
        if scope.insert(name)
            && let Some(service) = model.and_then(|model| model.services.get(name))
        {
            open.extend(service.depends_on.iter().map(String::as_str));
        }
    }
    Some(scope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::model::Service;

    #[test]
    fn dependencies_are_started_too() {
        let service = |name: &str, on: &[&str]| {
            let depends_on = on.iter().map(|&on| on.to_owned()).collect();
            (name.to_owned(), Service { name: name.to_owned(), depends_on, ..Service::default() })
        };
        let model = Model {
            services: [
                service("web", &["api"]),
                service("api", &["db", "web"]),
                service("db", &[]),
                service("x", &[]),
            ]
            .into(),
            ..Model::default()
        };
        let named = ["web".to_owned()];
        let scope = services(&named, Some(&model)).expect("some");
        assert_eq!(scope.into_iter().collect::<Vec<_>>(), ["api", "db", "web"]);
        assert_eq!(services(&[], Some(&model)), None);
    }
}
