//! Every command that a message tells people to run is made here, so that one test can run them all through the guard.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Makes commands in the user's own words: the name we were called by, and their global flags.
#[derive(Debug, Clone)]
pub struct Suggest {
    program: String,
    globals: Vec<OsString>,
}

impl Suggest {
    /// `called_as` is `argv[0]`; `globals` are Compose's global flags as they were typed.
    pub fn new(called_as: &OsStr, globals: &[OsString]) -> Self {
        let name = Path::new(called_as).file_name().unwrap_or(OsStr::new("safe-compose"));
        Self { program: name.to_string_lossy().into_owned(), globals: globals.to_vec() }
    }

    /// The same command again, with one of our flags.
    pub fn again(&self, flag: &str, words: &[OsString]) -> String {
        let mut all = vec![flag.to_owned()];
        all.extend(words.iter().map(|word| word.to_string_lossy().into_owned()));
        self.join(&[], all)
    }

    /// Puts the newest backup of a service back.
    pub fn restore_latest(&self, service: &str) -> String {
        self.own(&["restore", "latest", "--service", service])
    }

    /// Re-creates the recorded collections of a service without their points.
    pub fn restore_schema(&self, service: &str) -> String {
        self.own(&["restore", "--service", service, "--schema-only", "--skip-existing"])
    }

    /// Puts one backup back.
    pub fn restore(&self, backup: &str) -> String {
        self.own(&["restore", backup])
    }

    /// Puts one backup into a scratch server.
    pub fn prove(&self, backup: &str) -> String {
        self.own(&["verify", backup, "--prove"])
    }

    /// Compares what runs with what was recorded.
    pub fn verify(&self) -> String {
        self.own(&["verify"])
    }

    /// Takes what runs as the new record.
    pub fn accept(&self) -> String {
        self.own(&["verify", "--accept"])
    }

    pub fn backup(&self) -> String {
        self.own(&["backup"])
    }

    pub fn backups(&self) -> String {
        self.own(&["backups"])
    }

    /// Keeps a volume from being removed.
    pub fn protect(&self, volume: &str) -> String {
        self.own(&["protect", volume])
    }

    /// Starts one service in the background.
    pub fn up(&self, service: &str) -> String {
        self.own(&["up", "-d", service])
    }

    /// Stops one service.
    pub fn stop(&self, service: &str) -> String {
        self.own(&["stop", service])
    }

    /// Shows what a service has printed last.
    pub fn logs(&self, service: &str) -> String {
        self.own(&["logs", "--tail", "50", service])
    }

    fn own(&self, words: &[&str]) -> String {
        self.join(&self.globals, words.iter().map(|word| (*word).to_owned()).collect())
    }

    fn join(&self, globals: &[OsString], words: Vec<String>) -> String {
        let mut all = vec![self.program.clone()];
        all.extend(globals.iter().map(|word| word.to_string_lossy().into_owned()));
        all.extend(words);
        all.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
    }
}

/// Quotes a word for a shell, if it needs to be.
fn quote(word: &str) -> Cow<'_, str> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_@%+=:,./-".contains(letter);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { shell_words::quote(word) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suggestion_keeps_name_and_global_flags_and_survives_a_shell() {
        let suggest =
            Suggest::new(OsStr::new("/usr/local/bin/docker-compose"), &["-f".into(), "my stack.yml".into()]);
        assert_eq!(
            suggest.restore_latest("qdrant"),
            "docker-compose -f 'my stack.yml' restore latest --service qdrant"
        );
        let words: Vec<OsString> = vec!["-p".into(), "x y".into(), "down".into(), "-v".into()];
        assert_eq!(
            suggest.again("--safe-allow=0a1b", &words),
            "docker-compose --safe-allow=0a1b -p 'x y' down -v"
        );
    }
}
