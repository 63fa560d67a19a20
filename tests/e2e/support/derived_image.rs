//! Images that are built on others, for servers of other versions or that do not work.

use std::io::Write as _;
use std::process::{Command, Stdio};

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
}

impl Drop for DerivedImage {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["image", "rm", "--force", &self.0]).output();
    }
}
