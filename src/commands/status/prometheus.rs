//! Metrics in the text format of Prometheus, for the textfile collector of node_exporter.
//!
//! Names and units follow Prometheus' naming conventions: a prefix, base units, and the unit at the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;

use super::overview::{DataOverview, Overview};

/// One metric with all its samples.
struct Metric {
    name: &'static str,
    help: &'static str,
    samples: Vec<String>,
}

impl Metric {
    fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help, samples: Vec::new() }
    }

    fn add(&mut self, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
        self.samples.push(format!("{}{{{}}} {value}", self.name, labels.join(",")));
    }

    fn render(&self, into: &mut String) {
        // A metric without samples has no line: a collector would report a type without a value.
        if !self.samples.is_empty() {
            let Self { name, help, samples } = self;
            let _ = writeln!(into, "# HELP {name} {help}\n# TYPE {name} gauge\n{}", samples.join("\n"));
        }
    }
}

/// The metrics of all projects.
pub(super) fn metrics(projects: &[Overview]) -> String {
    metrics_at(projects, Timestamp::now())
}

fn metrics_at(projects: &[Overview], now: Timestamp) -> String {
    let mut readable = Metric::new(
        "safe_compose_project_readable",
        "Whether the Compose file of the project could be read (1) or not (0).",
    );
    let mut age = Metric::new(
        "safe_compose_backup_age_seconds",
        "Age of the newest backup of a service when this file was written; the oldest of its volumes and directories counts.",
    );
    let mut time = Metric::new(
        "safe_compose_backup_timestamp_seconds",
        "Time of the newest backup of a service, in seconds since the epoch.",
    );
    let mut missing = Metric::new(
        "safe_compose_backup_missing",
        "Number of volumes and directories of a service that have no backup.",
    );
    let mut unreadable = Metric::new(
        "safe_compose_backup_unreadable",
        "Number of volumes and directories of a service whose backups cannot be read.",
    );
    let mut size = Metric::new("safe_compose_data_bytes", "Size of a volume or a directory.");
    let mut protected = Metric::new(
        "safe_compose_volume_protected",
        "Whether a volume is protected from deletion (1) or not (0).",
    );
    let mut losses = Metric::new(
        "safe_compose_unresolved_loss",
        "A service has lost data, and it was neither restored nor accepted (1).",
    );
    let mut written = Metric::new(
        "safe_compose_status_timestamp_seconds",
        "When this file was written, in seconds since the epoch.",
    );
    for Overview { project, is_read, data, losses: lost, .. } in projects {
        readable.add(&[("project", project)], u8::from(*is_read));
        let mut services: BTreeMap<&str, Vec<&DataOverview>> = BTreeMap::new();
        for one in data {
            let labels = [("project", project.as_str()), ("service", &one.service), ("place", &one.place)];
            if let Some(bytes) = one.bytes {
                size.add(&labels, bytes);
            }
            if let Some(is_protected) = one.is_protected {
                protected.add(&labels, u8::from(is_protected));
            }
            if one.needs_backup {
                services.entry(&one.service).or_default().push(one);
            }
        }
        for (service, data) in services {
            let labels = [("project", project.as_str()), ("service", service)];
            let is_missing = |one: &&&DataOverview| one.backed_up.is_none() && !one.backups_unreadable;
            missing.add(&labels, data.iter().filter(is_missing).count());
            unreadable.add(&labels, data.iter().filter(|one| one.backups_unreadable).count());
            if let Some(oldest) = data.iter().filter_map(|one| one.backed_up).min() {
                time.add(&labels, oldest.as_second());
                age.add(&labels, (now.as_second() - oldest.as_second()).max(0));
            }
        }
        for (service, _) in lost {
            losses.add(&[("project", project), ("service", service)], 1);
        }
    }
    written.samples.push(format!("{} {}", written.name, now.as_second()));
    let mut text = String::new();
    for metric in [readable, age, time, missing, unreadable, size, protected, losses, written] {
        metric.render(&mut text);
    }
    text
}

/// The value of a label: the format escapes backslashes, quotes and line breaks.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_the_age_of_its_oldest_backup() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let data = |place: &str, backed_up: Option<&str>| DataOverview {
            service: "db".into(),
            place: place.into(),
            bytes: Some(8192),
            is_protected: place.starts_with("volume").then_some(false),
            needs_backup: true,
            backed_up: backed_up.map(time),
            backups_unreadable: place.starts_with("directory"),
        };
        let shop = Overview {
            project: "shop".into(),
            is_read: true,
            containers: 1,
            running: 1,
            data: vec![
                data("volume one", Some("2026-08-01T10:00:00Z")),
                data("volume two", Some("2026-08-01T11:00:00Z")),
                data("directory /srv/a \"b\"", None),
            ],
            losses: Vec::new(),
        };
        insta::assert_snapshot!(metrics_at(&[shop], time("2026-08-01T12:00:00Z")), @r#"
        # HELP safe_compose_project_readable Whether the Compose file of the project could be read (1) or not (0).
        # TYPE safe_compose_project_readable gauge
        safe_compose_project_readable{project="shop"} 1
        # HELP safe_compose_backup_age_seconds Age of the newest backup of a service when this file was written; the oldest of its volumes and directories counts.
        # TYPE safe_compose_backup_age_seconds gauge
        safe_compose_backup_age_seconds{project="shop",service="db"} 7200
        # HELP safe_compose_backup_timestamp_seconds Time of the newest backup of a service, in seconds since the epoch.
        # TYPE safe_compose_backup_timestamp_seconds gauge
        safe_compose_backup_timestamp_seconds{project="shop",service="db"} 1785578400
        # HELP safe_compose_backup_missing Number of volumes and directories of a service that have no backup.
        # TYPE safe_compose_backup_missing gauge
        safe_compose_backup_missing{project="shop",service="db"} 0
        # HELP safe_compose_backup_unreadable Number of volumes and directories of a service whose backups cannot be read.
        # TYPE safe_compose_backup_unreadable gauge
        safe_compose_backup_unreadable{project="shop",service="db"} 1
        # HELP safe_compose_data_bytes Size of a volume or a directory.
        # TYPE safe_compose_data_bytes gauge
        safe_compose_data_bytes{project="shop",service="db",place="volume one"} 8192
        safe_compose_data_bytes{project="shop",service="db",place="volume two"} 8192
        safe_compose_data_bytes{project="shop",service="db",place="directory /srv/a \"b\""} 8192
        # HELP safe_compose_volume_protected Whether a volume is protected from deletion (1) or not (0).
        # TYPE safe_compose_volume_protected gauge
        safe_compose_volume_protected{project="shop",service="db",place="volume one"} 0
        safe_compose_volume_protected{project="shop",service="db",place="volume two"} 0
        # HELP safe_compose_status_timestamp_seconds When this file was written, in seconds since the epoch.
        # TYPE safe_compose_status_timestamp_seconds gauge
        safe_compose_status_timestamp_seconds 1785585600
        "#);
    }
}
