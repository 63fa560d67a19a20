//! What is known of the programs that keep data.

use safe_compose::inventory::known::is_database;

use crate::messages::scene::{container, mount};

#[test]
fn databases_are_backed_up_whenever_they_are_stopped() {
    for (image, path, expected) in [
        ("postgres:17", "/var/lib/postgresql/data", true),
        ("acme/server", "/var/lib/postgresql/data", true),
        ("mongo", "/data/db", true),
        ("redis", "/data", true),
        ("redis", "/run", false),
        ("minio/minio", "/data", false),
        ("nextcloud", "/var/www/html", false),
        ("grafana/grafana", "/var/lib/grafana", false),
        ("acme/server", "/data", false),
    ] {
        let container = container("one", image, vec![mount("volume", path)]);
        assert_eq!(is_database(&container), expected, "{image} with {path}");
    }
    assert!(!is_database(&container("one", "redis", Vec::new())), "a cache without a volume");
}
