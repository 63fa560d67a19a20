//! Compose's labels, which anybody can put on a container.
//!
//! Compose itself writes only names that it accepts in a file. Other ones would be names of directories, and lines on the
//! screen.

use super::types::Labels;

const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";

/// The longest name that is taken from a label: it becomes the name of a directory.
const LONGEST: usize = 200;

/// How much of a container's id stands for it.
const SHORT_ID: usize = 12;

/// Gives a container whose service no Compose file can have a service of its own, and takes one out of a project whose name
/// no project can have.
pub(super) fn make_sound(labels: &mut Labels, id: &str) {
    if labels.get(PROJECT).is_some_and(|project| project.contains(char::is_control)) {
        labels.remove(PROJECT);
    }
    if let Some(service) = labels.get_mut(SERVICE)
        && !is_service(service)
    {
        *service = format!("container-{}", id.get(..SHORT_ID).unwrap_or(id));
    }
}

/// `[a-zA-Z0-9._-]+`, without what is no name of a directory.
fn is_service(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !name.is_empty() && name.len() <= LONGEST && !matches!(name, "." | "..") && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(project: &str, service: &str) -> (Option<String>, Option<String>) {
        let mut labels =
            Labels::from([(PROJECT, project), (SERVICE, service)].map(|(k, v)| (k.into(), v.into())));
        make_sound(&mut labels, "0123456789abcdef");
        (labels.remove(PROJECT), labels.remove(SERVICE))
    }

    #[test]
    fn names_that_compose_accepts_stay() {
        for service in ["db", "A.b_c-9", ".x", &"x".repeat(200)] {
            assert_eq!(sound("shop", service), (Some("shop".into()), Some(service.into())));
        }
        let mut none = Labels::new();
        make_sound(&mut none, "0");
        assert!(none.is_empty());
    }

    #[test]
    fn other_names_are_replaced() {
        for service in
            ["", "..", "../db", "a/b", "a b", "db\nsafe-compose: all is well", "ü", &"x".repeat(201)]
        {
            assert_eq!(sound("shop", service).1.as_deref(), Some("container-0123456789ab"), "{service:?}");
        }
        assert_eq!(sound("shop\n", "db"), (None, Some("db".into())));
    }
}
