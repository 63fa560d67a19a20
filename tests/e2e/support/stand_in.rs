//! Stand-ins for the servers of known images, for cases from bug reports.

use std::fs;
use std::path::{Path, PathBuf};

use super::bare::docker;

/// A stand-in for the server of an image: it fills an empty data directory once, and waits.
const SERVER: &str = include_str!("../../fixtures/stand-in-server.sh");

/// An image whose last name is that of a known program; it is removed when the test ends.
pub(crate) struct StandIn {
    pub(crate) reference: String,
}

impl StandIn {
    /// `changes` are lines of a Dockerfile.
    pub(crate) fn new(case: &str, name: &str, changes: &[&str]) -> Self {
        let reference = format!("sctest-{case}-{}/{name}", std::process::id());
        let mut words = vec!["import", "--change", r#"CMD ["/server"]"#];
        for change in changes {
            words.extend(["--change", change]);
        }
        words.extend(["-", &reference]);
        duct::cmd("docker", words).stdin_bytes(file_system()).stdout_null().run().expect("imported");
        Self { reference }
    }

    pub(crate) fn postgres(case: &str) -> Self {
        Self::postgres_version(case, "16")
    }

    /// From version 18 on, the data is at another path.
    pub(crate) fn postgres_version(case: &str, version: &str) -> Self {
        let (volume, data) = match version {
            "18" => ("/var/lib/postgresql", "/var/lib/postgresql/18/docker"),
            _ => ("/var/lib/postgresql/data", "/var/lib/postgresql/data"),
        };
        let changes = ["ENV STANDIN=postgres", &format!("ENV PGDATA={data}"), &format!("VOLUME {volume}")];
        Self::new(case, &format!("postgres:{version}"), &changes)
    }

    pub(crate) fn mysql(case: &str) -> Self {
        Self::database(case, "mysql", "/var/lib/mysql")
    }

    pub(crate) fn mongo(case: &str) -> Self {
        Self::database(case, "mongo", "/data/db")
    }

    fn database(case: &str, program: &str, data: &str) -> Self {
        let changes =
            [format!("ENV STANDIN={program}"), format!("ENV DATA_PATH={data}"), format!("VOLUME {data}")];
        Self::new(case, &format!("{program}:8"), &changes.each_ref().map(String::as_str))
    }

    pub(crate) fn app(case: &str) -> Self {
        Self::new(case, "app:1", &[])
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = docker(&["rmi", "-f", &self.reference]);
    }
}

fn file_system() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |path: &str, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, path, content).expect("in memory");
    };
    add("bin/busybox", &fs::read("/bin/busybox").expect("busybox-static is installed"));
    add("server", SERVER.as_bytes());
    for program in ["sh", "cat", "sleep", "ls", "head", "mkdir", "rm", "true"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, format!("bin/{program}"), "busybox").expect("in memory");
    }
    tar.into_inner().expect("in memory")
}

/// Waits until a server has written its files.
#[track_caller]
pub(crate) fn wait_for(path: &Path) {
    for _ in 0..1200 {
        if path.exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("`{}` was not written", path.display());
}

/// The directory of a volume, on a local engine.
pub(crate) fn directory_of(volume: &str) -> PathBuf {
    let path = docker(&["volume", "inspect", "--format", "{{.Mountpoint}}", volume]).expect("a volume");
    PathBuf::from(path)
}
