//! Containers, volumes and images made with `docker` alone, labelled as Compose labels them, and gone afterwards.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use safe_compose::engine::context::{Endpoint, EndpointOrigin};
use safe_compose::engine::docker::DockerEngine;

use super::machine;
use crate::requirements::missing;

pub(crate) const SOCKET: &str = "unix:///var/run/docker.sock";

/// The one program of the scratch images, linked statically.
const BUSYBOX: &str = "/bin/busybox";

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A project of its own on the real engine.
pub(crate) struct Bare {
    pub(crate) name: String,
}

impl Bare {
    /// A new one, or `None` with the reason printed when no engine answers.
    pub(crate) fn new(hint: &str) -> Option<Self> {
        if !machine::engine() {
            return None;
        }
        if !std::path::Path::new(BUSYBOX).exists() {
            missing(&format!("there is no `{BUSYBOX}` (package busybox-static)"));
            return None;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Some(Self { name: format!("sctest-{hint}-{}-{number}", std::process::id()) })
    }

    /// An image with a shell, `/etc/passwd`, and whatever the lines of a Dockerfile say.
    pub(crate) fn image(&self, lines: &[&str]) -> String {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let tag = format!("{}:{number}", self.name);
        let mut words = vec!["import"];
        for line in lines {
            words.extend(["--change", line]);
        }
        words.extend(["-", &tag]);
        duct::cmd("docker", words).stdin_bytes(root_file_system()).stdout_null().run().expect("imported");
        tag
    }

    /// Runs `docker`, which has to succeed, and gives what it prints.
    pub(crate) fn docker(&self, words: &[&str]) -> String {
        docker(words).unwrap_or_else(|error| panic!("{}: docker {}: {error}", self.name, words.join(" ")))
    }

    /// A volume with the labels that Compose gives; returns its name.
    pub(crate) fn volume(&self, key: &str) -> String {
        let name = format!("{}_{key}", self.name);
        let project = format!("com.docker.compose.project={}", self.name);
        let volume = format!("com.docker.compose.volume={key}");
        self.docker(&["volume", "create", "--label", &project, "--label", &volume, &name]);
        name
    }

    /// Creates (or with `run -d` starts) a container with the labels that Compose gives; returns its id.
    pub(crate) fn container(&self, verb: &[&str], service: &str, words: &[&str]) -> String {
        let name = format!("{}-{service}-1", self.name);
        let labels = [
            format!("com.docker.compose.project={}", self.name),
            format!("com.docker.compose.service={service}"),
            "com.docker.compose.container-number=1".to_owned(),
            "com.docker.compose.oneoff=False".to_owned(),
        ];
        let mut all = verb.to_vec();
        all.extend(["--name", &name]);
        for label in &labels {
            all.extend(["--label", label]);
        }
        all.extend(words);
        self.docker(&all)
    }

    /// Everything of a kind (`ps -a`, `volume ls`) that a filter finds, one name a line.
    fn listed(kind: &[&str], filter: &str) -> Vec<String> {
        let mut words = kind.to_vec();
        words.extend(["-q", "--filter", filter]);
        docker(&words).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let label = format!("label=com.docker.compose.project={}", self.name);
        let mut containers = Self::listed(&["ps", "-a"], &format!("name=^/{}", self.name));
        containers.extend(Self::listed(&["ps", "-a"], &label));
        // A helper bears no name of ours, but an image of ours.
        for image in Self::listed(&["images"], &format!("reference={}", self.name)) {
            containers.extend(Self::listed(&["ps", "-a"], &format!("ancestor={image}")));
        }
        for container in containers {
            let _ = docker(&["rm", "-f", "-v", &container]);
        }
        for volume in Self::listed(&["volume", "ls"], &format!("name=^{}", self.name)) {
            let _ = docker(&["volume", "rm", &volume]);
        }
        for image in Self::listed(&["images"], &format!("reference={}", self.name)) {
            let _ = docker(&["rmi", "-f", &image]);
        }
    }
}

/// Runs `docker` on the real engine and gives what it prints, without the line end.
pub(crate) fn docker(words: &[&str]) -> Result<String, String> {
    let output = duct::cmd("docker", words)
        .env("DOCKER_HOST", SOCKET)
        .env_remove("DOCKER_CONTEXT")
        .stdout_capture()
        .stderr_capture()
        .unchecked()
        .run()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

pub(crate) fn endpoint(url: &str) -> Endpoint {
    Endpoint { url: url.to_owned(), tls: None, origin: EndpointOrigin::Default }
}

/// Our own connection to the real engine.
pub(crate) async fn engine() -> DockerEngine {
    DockerEngine::connect(&endpoint(SOCKET)).await.expect("an engine that answers")
}

/// Asks again until the answer is yes, for at most ten seconds.
pub(crate) async fn eventually(mut question: impl AsyncFnMut() -> bool) -> bool {
    for _ in 0..100 {
        if question().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

pub(crate) fn root_file_system() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |path: &str, mode: u32, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, path, content).expect("in memory");
    };
    add("bin/busybox", 0o755, &std::fs::read(BUSYBOX).expect("readable"));
    add("etc/passwd", 0o644, b"root:x:0:0:root:/:/bin/sh\napp:x:1000:1001::/:/bin/sh\n");
    add("etc/group", 0o644, b"root:x:0:\napp:x:1001:\n");
    add("seed/from-image", 0o644, b"seed");
    for program in ["sh", "cat", "sleep", "ls", "touch", "stat", "mkdir", "id", "rm"] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, format!("bin/{program}"), "busybox").expect("in memory");
    }
    tar.into_inner().expect("in memory")
}
