//! Builds every command that a message tells people to run, so that one test can pass them all through the guard.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::compose::subcommand::{GuardedCommand, HarmlessCommand};

/// Builds commands in the form in which the user called us: the same program name and the same global flags.
#[derive(Debug, Clone)]
pub struct Suggest {
    program: String,
    globals: Vec<OsString>,
    /// For commands that need the project's file: where it is, if the project was found by its name.
    file: Vec<OsString>,
    /// How many words of a command line are `docker`'s own: its flags and the word `compose`.
    before_compose: usize,
}

impl Suggest {
    /// `called_as` is `argv[0]`; `globals` are Compose's global flags as they were typed.
    pub fn new(called_as: &OsStr, globals: &[OsString]) -> Self {
        let name = Path::new(called_as).file_name().unwrap_or(OsStr::new("safe-compose"));
        Self {
            program: name.to_string_lossy().into_owned(),
            globals: globals.to_vec(),
            file: Vec::new(),
            before_compose: 0,
        }
    }

    /// For a call as a plugin of `docker`. `globals` contain its own flags and the word `compose`, which together are
    /// `before_compose` words of the command line.
    pub fn of_plugin(globals: &[OsString], before_compose: usize) -> Self {
        Self { program: "docker".to_owned(), globals: globals.to_vec(), file: Vec::new(), before_compose }
    }

    /// For a project that is in another directory. Only `up` needs its file: other commands find it by its name.
    #[must_use]
    pub fn in_directory(&self, directory: &Path) -> Self {
        Self { file: vec!["--project-directory".into(), directory.into()], ..self.clone() }
    }

    /// For a project that is one of several: each command names it, and finds its directory by its name.
    #[must_use]
    pub fn for_project(&self, name: &str) -> Self {
        let mut suggest = self.clone();
        suggest.globals.extend(["-p".into(), name.into()]);
        suggest
    }

    /// The same command again, with one of our flags.
    pub fn again(&self, flag: &str, words: &[OsString]) -> String {
        let (docker, compose) = words.split_at(self.before_compose.min(words.len()));
        let text = |words: &[OsString]| -> Vec<String> {
            words.iter().map(|word| word.to_string_lossy().into_owned()).collect()
        };
        self.join(&[], [text(docker), vec![flag.to_owned()], text(compose)].concat())
    }

    /// A command line as the user knows it: without our program's name, but as a plugin with `docker`, without which its first
    /// words mean nothing.
    pub fn typed(&self, words: &[OsString]) -> String {
        let docker = if self.before_compose > 0 { "docker " } else { "" };
        format!("{docker}{}", shell_words::join(words.iter().map(|word| word.to_string_lossy())))
    }

    /// A command by its name.
    pub fn command(&self, name: &str) -> String {
        self.own(&[name])
    }

    /// A command of `setup`.
    pub fn setup(&self, words: &[&str]) -> String {
        self.own(&[&["setup"], words].concat())
    }

    /// Restores the newest backup of a service.
    pub fn restore_latest(&self, service: &str) -> String {
        self.own(&["restore", "latest", "--service", service])
    }

    /// Restores the latest backup of every service.
    pub fn restore_all(&self) -> String {
        self.own(&["restore", "--all"])
    }

    /// Creates the collections that a service had, without their points.
    pub fn restore_schema(&self, service: &str) -> String {
        self.own(&["restore", "--service", service, "--schema-only", "--skip-existing"])
    }

    /// Restores a backup.
    pub fn restore(&self, backup: &str) -> String {
        self.own(&["restore", backup])
    }

    /// Undoes the last command that took data. After it, no container may show where the project is.
    pub fn undo(&self) -> String {
        let globals = [self.globals.clone(), self.file.clone()].concat();
        self.join(&globals, vec!["undo".to_owned()])
    }

    /// Converts the data of a service for the image that the file names.
    pub fn upgrade(&self, service: &str) -> String {
        self.own(&["upgrade", service])
    }

    /// Pulls the image of a service.
    pub fn pull(&self, service: &str) -> String {
        self.own(&[HarmlessCommand::Pull.name(), service])
    }

    /// Compares the running services with their baseline.
    pub fn verify(&self) -> String {
        self.own(&["verify"])
    }

    /// Accepts the current state as the new baseline.
    pub fn accept(&self) -> String {
        self.own(&["verify", "--accept"])
    }

    /// Backs up the project's data.
    pub fn backup(&self) -> String {
        self.own(&["backup"])
    }

    /// Backs up every project of the engine.
    pub fn backup_everything(&self) -> String {
        self.own(&["backup", "--all"])
    }

    /// Lists the backups.
    pub fn backups(&self) -> String {
        self.own(&["backups"])
    }

    /// Lists the backups of all projects that share the directory.
    pub fn backups_of_all(&self) -> String {
        self.own(&["backups", "--all-projects"])
    }

    /// Writes a portable file.
    pub fn export_data(&self) -> String {
        self.own(&["export-data"])
    }

    /// Protects a volume.
    pub fn protect(&self, volume: &str) -> String {
        self.own(&["protect", volume])
    }

    /// Copies the backups that are not in the repository.
    pub fn repository_copy(&self) -> String {
        self.own(&["repository", "copy"])
    }

    /// Verifies a backup in the repository.
    pub fn verify_in_repository(&self, backup: &str) -> String {
        self.own(&["verify", "--repository", backup])
    }

    /// Finds out what is damaged in the repository.
    pub fn repository_check(&self) -> String {
        self.own(&["repository", "check", "--read-data"])
    }

    /// Lists the backups in the repository.
    pub fn repository_backups(&self) -> String {
        self.own(&["backups", "--repository"])
    }

    /// Creates the repository of the settings.
    pub fn repository_init(&self) -> String {
        self.own(&["repository", "init"])
    }

    /// Shows what the settings run and contact, and agrees to it.
    pub fn trust(&self) -> String {
        self.own(&["trust"])
    }

    /// Withdraws that.
    pub fn revoke_trust(&self) -> String {
        self.own(&["trust", "--revoke"])
    }

    /// Starts one service in the background.
    pub fn up(&self, service: &str) -> String {
        let globals = [self.globals.clone(), self.file.clone()].concat();
        self.join(&globals, [GuardedCommand::Up.name(), "-d", service].map(str::to_owned).to_vec())
    }

    /// Starts containers of a service in the background until it has so many.
    pub fn scale(&self, service: &str, count: u32) -> String {
        let globals = [self.globals.clone(), self.file.clone()].concat();
        let scale = format!("{service}={count}");
        let words = [GuardedCommand::Up.name(), "-d", "--no-recreate", "--scale", &scale, service];
        self.join(&globals, words.map(str::to_owned).to_vec())
    }

    /// Shows the last lines of a service's log.
    pub fn logs(&self, service: &str) -> String {
        self.own(&[HarmlessCommand::Logs.name(), "--tail", "50", service])
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

/// Quotes a word for a shell where necessary.
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
        let words: Vec<OsString> =
            ["-p", "x y"].into_iter().chain("down -v".split(' ')).map(OsString::from).collect();
        assert_eq!(
            suggest.again("--safe-allow=0a1b", &words),
            "docker-compose --safe-allow=0a1b -p 'x y' down -v"
        );
    }

    #[test]
    fn a_plugin_is_called_through_docker() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let suggest = Suggest::of_plugin(&words("--context=far compose --file=a.yml"), 3);
        assert_eq!(suggest.backup(), "docker --context=far compose --file=a.yml backup");
        assert_eq!(suggest.typed(&words("compose down -v")), "docker compose down -v");
        assert_eq!(
            suggest.again("--safe-allow=0a1b", &words("--context far compose -f a.yml down -v")),
            "docker --context far compose --safe-allow=0a1b -f a.yml down -v"
        );
    }
}
