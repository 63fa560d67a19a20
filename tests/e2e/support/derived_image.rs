//! Images that are built on others, for servers of other versions or that do not work.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::bare::docker;

/// An image that is removed when the test ends, after the project that uses it.
pub struct DerivedImage(pub String);

impl DerivedImage {
    /// `name` is the whole reference; `lines` are those of a Dockerfile.
    #[track_caller]
    pub fn new(name: &str, base: &str, lines: &str) -> Self {
        let file = format!("FROM {base}\n{lines}\n");
        let mut build = Command::new("docker")
            .args(["build", "--quiet", "--tag", name, "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker");
        build.stdin.take().expect("its input").write_all(file.as_bytes()).expect("sent");
        assert!(build.wait().expect("ended").success(), "{name} could not be built");
        Self(name.to_owned())
    }

    /// An image with the files of another one and its `PATH`, and without its volumes and its entry point.
    #[track_caller]
    pub fn flat(hint: &str, base: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{hint}-{}:{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let id = docker(&["create", base, "true"]).expect("created");
        let variables =
            docker(&["image", "inspect", "-f", "{{range .Config.Env}}{{println .}}{{end}}", base]);
        let variables = variables.expect("an image");
        let path = variables.lines().find(|line| line.starts_with("PATH=")).expect("a path");
        let copied = duct::cmd!("docker", "export", id.trim())
            .pipe(duct::cmd!("docker", "import", "--change", format!("ENV {path}"), "-", &name))
            .stdout_null()
            .run();
        docker(&["rm", "--volumes", id.trim()]).expect("removed");
        copied.expect("imported");
        Self(name)
    }
}

impl Drop for DerivedImage {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["image", "rm", "--force", &self.0]).output();
    }
}
