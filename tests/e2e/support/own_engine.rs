//! A Docker Engine of a test's own, for what must not be done to everybody's: pruning all of it, restarting it, pulling
//! its plug.
//!
//! It has its own directories, socket and network namespace, so that it meets the machine's engine nowhere. The namespace
//! matters: an engine that is told to have no bridge removes `docker0` wherever it finds it.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use super::bare::root_file_system;
use super::machine;
use crate::requirements::missing;

/// The image that is there from the start: busybox.
pub const IMAGE: &str = "own:plain";

/// A running engine, ended with everything on it when dropped.
pub struct OwnEngine {
    root: tempfile::TempDir,
    daemon: Option<Child>,
}

impl OwnEngine {
    /// `None`, with a printed reason, where this machine cannot start one: it takes root.
    pub fn start() -> Option<Self> {
        if !machine::engine() {
            return None;
        }
        let tried = Command::new("unshare").args(["--net", "--", "dockerd", "--version"]).output();
        if !tried.is_ok_and(|output| output.status.success()) {
            missing("an engine of its own takes root, `unshare` and `dockerd`");
            return None;
        }
        let root = tempfile::Builder::new().prefix("sctest-engine").tempdir().expect("a directory");
        fs::write(root.path().join("daemon.json"), "{}").expect("written");
        let mut engine = Self { root, daemon: None };
        if !engine.begin() {
            let log = fs::read_to_string(engine.path("log")).unwrap_or_default();
            missing(&format!("a second engine does not start here:\n{log}"));
            return None;
        }
        let imported = duct::cmd("docker", ["-H", &engine.url(), "import", "-", IMAGE])
            .stdin_bytes(root_file_system())
            .stdout_null()
            .run();
        imported.expect("imported");
        Some(engine)
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("unix://{}", self.path("sock").display())
    }

    fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    /// Starts the daemon and waits until it answers.
    fn begin(&mut self) -> bool {
        let log = File::options().create(true).append(true).open(self.path("log")).expect("a log");
        let mut command = Command::new("unshare");
        command
            .args(["--net", "--", "dockerd", "--config-file"])
            .arg(self.path("daemon.json"))
            .arg("--data-root")
            .arg(self.path("data"))
            .arg("--exec-root")
            .arg(self.path("exec"))
            .arg("--pidfile")
            .arg(self.path("pid"))
            .args(["-H", &self.url(), "--storage-driver", "vfs", "--bridge=none", "--iptables=false"])
            .args(["--ip-forward=false", "--ip-masq=false"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .process_group(0);
        self.daemon = Some(command.spawn().expect("it starts"));
        (0..240).any(|_| {
            std::thread::sleep(Duration::from_millis(250));
            self.try_docker(&["version"]).is_ok()
        })
    }

    /// Ends the daemon as a service manager does; it ends its containers.
    fn end(&mut self) {
        let Some(mut daemon) = self.daemon.take() else { return };
        let id = i32::try_from(daemon.id()).ok().and_then(rustix::process::Pid::from_raw).expect("an id");
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        daemon.wait().expect("ended");
    }

    pub fn restart(&mut self) {
        self.end();
        assert!(self.begin(), "it comes back:\n{}", fs::read_to_string(self.path("log")).unwrap_or_default());
    }

    /// As if the machine had lost its power: everything is killed, and what lies in memory is gone.
    pub fn lose_power(&mut self) {
        let containers = self.docker(&["ps", "-q"]);
        let mut doomed: Vec<i32> = containers
            .lines()
            .filter_map(|id| self.docker(&["inspect", "--format", "{{.State.Pid}}", id]).parse().ok())
            .collect();
        doomed.extend(processes_of(self.root.path()));
        for id in doomed.into_iter().filter_map(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
        }
        self.daemon.take().expect("it ran").wait().expect("ended");
        self.unmount();
        fs::remove_dir_all(self.path("exec")).expect("removed");
        fs::remove_file(self.path("pid")).expect("removed");
        assert!(self.begin(), "it comes back:\n{}", fs::read_to_string(self.path("log")).unwrap_or_default());
    }

    /// Makes a volume as young as this moment: the engine goes by the change time of its directory, which nobody can
    /// set to anything else.
    pub fn renew_volume(&self, name: &str) {
        let volume = self.path("data/volumes").join(name);
        for directory in [volume.join("_data"), volume] {
            File::open(directory)
                .and_then(|directory| directory.set_modified(SystemTime::now()))
                .expect("renewed");
        }
    }

    /// What the daemon has mounted stays mounted when it is killed.
    fn unmount(&self) {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let root = self.root.path().display().to_string();
        let mut below: Vec<&str> = mounts
            .lines()
            .filter_map(|line| line.split(' ').nth(1))
            .filter(|path| path.starts_with(&root))
            .collect();
        below.reverse();
        for path in below {
            let _ = Command::new("umount").args(["-l", path]).status();
        }
    }

    /// Runs `docker` on it, which has to succeed.
    #[track_caller]
    pub fn docker(&self, words: &[&str]) -> String {
        self.try_docker(words).unwrap_or_else(|error| panic!("docker {}: {error}", words.join(" ")))
    }

    pub fn try_docker(&self, words: &[&str]) -> Result<String, String> {
        let output = Command::new("docker")
            .args(words)
            .env("DOCKER_HOST", self.url())
            .env_remove("DOCKER_CONTEXT")
            .stdin(Stdio::null())
            .output()
            .expect("docker runs");
        let text = if output.status.success() { output.stdout } else { output.stderr };
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        if output.status.success() { Ok(text) } else { Err(text) }
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        if self.daemon.is_some() {
            for id in self.try_docker(&["ps", "-aq"]).unwrap_or_default().lines() {
                let _ = self.try_docker(&["rm", "-f", id]);
            }
            self.end();
        }
        self.unmount();
    }
}

/// The processes whose command line names a directory: the daemon, its containerd, its shims.
fn processes_of(root: &Path) -> Vec<i32> {
    let root = root.display().to_string();
    let all = fs::read_dir("/proc").expect("processes").flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|id: &i32| {
            *id != std::process::id().cast_signed()
                && fs::read(format!("/proc/{id}/cmdline"))
                    .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&root))
        })
        .collect()
}
