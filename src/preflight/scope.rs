//! Which services a command starts.

use std::collections::BTreeSet;

use crate::compose::model::Model;

/// The named services and their dependencies; `None` means all.
pub(super) fn services<'a>(named: &'a [String], model: Option<&'a Model>) -> Option<BTreeSet<&'a str>> {
    if named.is_empty() {
        return None;
    }
    let named = named.iter().map(String::as_str);
    Some(match model {
        Some(model) => model.with_dependencies(named),
        None => named.collect(),
    })
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
