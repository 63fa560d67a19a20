//! Who is told of what happens to the project of a command, and what they were told already.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use jiff::Timestamp;

use crate::compose::project::Project;
use crate::event::{EventDocument, EventKind};
use crate::journal;
use crate::settings::{HookSettings, NotifyTarget, NotifyToken, Settings};
use crate::trust::{Granted, Trust};

/// The project of a command, and what has been reported of it.
#[derive(Default)]
pub struct EventRecord {
    target: OnceLock<Box<EventTarget>>,
    reported: Mutex<BTreeSet<EventKind>>,
    /// The user has been warned that hooks are inactive.
    warned: OnceLock<()>,
}

/// Who is told of the events of a project.
pub(super) struct EventTarget {
    pub(super) project: String,
    directory: PathBuf,
    engine: String,
    pub(super) command: String,
    pub(super) hooks: HookSettings,
    pub(super) hosts: Vec<NotifyTarget>,
    /// Decided when the first event is reported: scripts have to be read for it.
    trust: LazyLock<Trust, DecideTrust>,
}

/// Decides whether the settings may act.
pub(super) type DecideTrust = Box<dyn FnOnce() -> Trust + Send>;

/// Who listens to an event.
pub(super) enum Listening<'a> {
    Nobody,
    /// The user has not agreed that anybody is told.
    Withheld(&'a Trust),
    Target(&'a EventTarget, &'a Granted),
}

impl EventRecord {
    /// The project that the command is about. Whether the settings may act is only decided if one of them listens.
    pub(super) fn locate(
        &self,
        project: &Project,
        settings: &Settings,
        (engine, typed): (&str, &[OsString]),
        trust: impl FnOnce() -> DecideTrust,
    ) {
        if settings.hooks == HookSettings::default() && settings.notify.is_empty() {
            return;
        }
        // A command that looks at the project again is still one command.
        self.target.get_or_init(|| {
            Box::new(EventTarget {
                project: project.name.clone(),
                directory: project.directory.clone(),
                engine: engine.to_owned(),
                command: without_secrets(typed),
                hooks: settings.hooks.clone(),
                hosts: settings.notify.clone(),
                trust: LazyLock::new(trust()),
            })
        });
    }

    pub(super) fn listening(&self, event: EventKind) -> Listening<'_> {
        let Some(target) = self.target.get() else { return Listening::Nobody };
        if target.hooks.of(event).is_none() && !target.hosts.iter().any(|host| host.events.contains(&event)) {
            return Listening::Nobody;
        }
        match &*target.trust {
            Trust::Granted(granted) => Listening::Target(target, granted),
            Trust::NothingActs => Listening::Nobody,
            trust @ Trust::Withheld(_) => Listening::Withheld(trust),
        }
    }

    /// Whether this is the first event of its kind.
    pub(super) fn is_first(&self, event: EventKind) -> bool {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner).insert(event)
    }

    pub(super) fn is_first_warning(&self) -> bool {
        self.warned.set(()).is_ok()
    }
}

/// A command as typed, without secrets.
fn without_secrets(words: &[OsString]) -> String {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    journal::redact(&words).join(" ")
}

impl EventTarget {
    /// The variables with the tokens of hosts, which hooks do not get.
    pub(super) fn secret_variables(&self) -> Vec<String> {
        let variable = |host: &NotifyTarget| match &host.token {
            Some(NotifyToken::Variable(name)) => Some(name.clone()),
            Some(NotifyToken::File(_)) | None => None,
        };
        self.hosts.iter().filter_map(variable).collect()
    }

    pub(super) fn document(&self, event: EventKind, summary: String) -> EventDocument {
        EventDocument {
            format: "safe-compose-event",
            format_version: 1,
            event,
            time: Timestamp::now(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            project: self.project.clone(),
            directory: self.directory.clone(),
            engine: self.engine.clone(),
            command: self.command.clone(),
            summary,
            services: Vec::new(),
            backups: Vec::new(),
            failed: Vec::new(),
            error: None,
        }
    }
}
