//! What a command does to containers, volumes and files, as far as its words tell.
//!
//! Every question about a guarded command is answered here and nowhere else, by an exhaustive match. An unknown
//! subcommand gets the careful answer where there is one; the guard assumes that it may destroy everything.

use super::grammar::Grammar;
use super::invocation::Reading;
use super::subcommand::{GuardedCommand, HarmlessCommand, Subcommand};

/// Which containers in its scope a command removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removes {
    Nothing,
    Stopped,
    All,
}

/// How a command stops containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// The program gets its time to write and to exit.
    Graceful,
    /// The program is killed at once.
    Immediate,
}

/// Where the mounts of the services that a command starts come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountOrigin {
    /// From the file: the containers are created or updated.
    File,
    /// From the existing containers.
    Containers,
}

/// What a command does when no file is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileUse {
    /// It reads the file.
    Required,
    /// With a project name and without `-f` it finds its containers by label, and so it does when the file is broken.
    Optional,
    /// With a project name it finds its containers by label, even if a file is named.
    IgnoredWithName,
}

impl Reading {
    /// The subcommand, if it is a known one that can stop a service or lose its data.
    pub fn guarded(&self) -> Option<GuardedCommand> {
        match self.subcommand {
            Some(Subcommand::Guarded(command)) => Some(command),
            Some(Subcommand::Harmless(_) | Subcommand::Unknown(_)) | None => None,
        }
    }

    /// The subcommand's name, for messages.
    pub fn name(&self) -> &str {
        self.subcommand.as_ref().map_or("", Subcommand::name)
    }

    /// Whether containers that are missing or out of date are created.
    pub fn creates_containers(&self) -> bool {
        use GuardedCommand as G;
        self.guarded().is_some_and(|command| match command {
            G::Up | G::Create | G::Run | G::Scale => true,
            G::Watch => !self.is_set("no-up"),
            G::Cp | G::Down | G::Kill | G::Restart | G::Rm | G::Start | G::Stop | G::Wait => false,
        })
    }

    /// Whether it runs a program of which nothing is known: what that does to data cannot be predicted.
    pub fn runs_program(&self) -> bool {
        match self.subcommand {
            Some(Subcommand::Harmless(command)) => command == HarmlessCommand::Exec,
            Some(Subcommand::Guarded(command)) => command == GuardedCommand::Run,
            Some(Subcommand::Unknown(_)) => true,
            None => false,
        }
    }

    /// Whether existing containers of the named services are brought up to date, rather than added to.
    pub fn updates_containers(&self) -> bool {
        use GuardedCommand as G;
        self.guarded().is_some_and(|command| match command {
            G::Up | G::Create | G::Scale => true,
            G::Watch => !self.is_set("no-up"),
            // `run` creates a container of its own beside those of the service.
            G::Run | G::Cp | G::Down | G::Kill | G::Restart | G::Rm | G::Start | G::Stop | G::Wait => false,
        })
    }

    /// Whether containers whose configuration has changed are recreated: what Compose V1 fails at on some engines.
    pub fn recreates_containers(&self) -> bool {
        use GuardedCommand as G;
        self.guarded().is_some_and(|command| match command {
            G::Up | G::Create => true,
            G::Cp
            | G::Down
            | G::Kill
            | G::Restart
            | G::Rm
            | G::Run
            | G::Scale
            | G::Start
            | G::Stop
            | G::Wait
            | G::Watch => false,
        })
    }

    /// Whether the replicas of a dependency stay as many as they are.
    pub fn scales_named_services_only(&self) -> bool {
        self.guarded() == Some(GuardedCommand::Scale)
    }

    /// Whether services are started, so that their data directories are checked before.
    pub fn starts_services(&self) -> bool {
        use GuardedCommand as G;
        self.guarded().is_some_and(|command| match command {
            G::Up | G::Start | G::Create | G::Run | G::Restart | G::Scale => true,
            G::Watch => !self.is_set("no-up"),
            G::Cp | G::Down | G::Kill | G::Rm | G::Stop | G::Wait => false,
        })
    }

    /// Where the mounts of the started services come from.
    pub fn mount_origin(&self) -> MountOrigin {
        use GuardedCommand as G;
        match self.guarded() {
            Some(G::Start | G::Restart) => MountOrigin::Containers,
            Some(
                G::Cp
                | G::Create
                | G::Down
                | G::Kill
                | G::Rm
                | G::Run
                | G::Scale
                | G::Stop
                | G::Up
                | G::Wait
                | G::Watch,
            )
            | None => MountOrigin::File,
        }
    }

    /// Whether `run` starts the service as its file says, and no other program in its image.
    pub fn runs_service_itself(&self) -> bool {
        self.guarded() == Some(GuardedCommand::Run) && self.operands.len() == 1 && !self.is_set("entrypoint")
    }

    /// Whether the services that the named ones depend on are started too.
    pub fn starts_dependencies(&self) -> bool {
        self.guarded() != Some(GuardedCommand::Restart) && !self.is_set("no-deps")
    }

    /// Whether servers run because of it when it has ended, so that they are compared with the baseline.
    pub fn is_verified_afterwards(&self) -> bool {
        use GuardedCommand as G;
        self.guarded().is_some_and(|command| match command {
            G::Up | G::Start | G::Restart => true,
            G::Cp
            | G::Create
            | G::Down
            | G::Kill
            | G::Rm
            | G::Run
            | G::Scale
            | G::Stop
            | G::Wait
            | G::Watch => false,
        })
    }

    /// Whether it runs for as long as its services do.
    pub fn stays_attached(&self) -> bool {
        let returns = ["detach", "no-start", "wait"].iter().any(|flag| self.is_set(flag));
        self.guarded() == Some(GuardedCommand::Up) && !returns
    }

    /// Whether its services run again when it has ended, with the data they had.
    pub fn restarts_services(&self) -> bool {
        self.guarded() == Some(GuardedCommand::Restart)
    }

    /// How the running containers in its scope are stopped, if they are.
    pub fn stop_mode(&self) -> Option<StopMode> {
        use GuardedCommand as G;
        let with_timeout = || {
            let zero = self.value("timeout").is_some_and(is_zero);
            if zero { StopMode::Immediate } else { StopMode::Graceful }
        };
        match self.guarded()? {
            G::Down | G::Stop | G::Restart => Some(with_timeout()),
            G::Kill => kill_mode(self.value("signal").unwrap_or("KILL")),
            G::Rm => self.is_set("stop").then_some(StopMode::Graceful),
            G::Wait => self.is_set("down-project").then_some(StopMode::Graceful),
            G::Cp | G::Create | G::Run | G::Scale | G::Start | G::Up | G::Watch => None,
        }
    }

    /// Whether it begins by stopping the containers in its scope. `wait` stops them when one has ended.
    pub fn begins_with_stop(&self) -> bool {
        self.guarded() != Some(GuardedCommand::Wait) && self.stop_mode().is_some()
    }

    /// The grace period that the user asked for, in seconds, unless it kills at once.
    pub fn grace_period(&self) -> Option<&str> {
        self.value("timeout").filter(|timeout| !is_zero(timeout))
    }

    /// How a container is stopped that is recreated.
    pub fn recreation_stop_mode(&self) -> StopMode {
        let zero = self.value("timeout").is_some_and(is_zero);
        if self.guarded() == Some(GuardedCommand::Up) && zero {
            StopMode::Immediate
        } else {
            StopMode::Graceful
        }
    }

    /// Which containers in its scope are removed.
    pub fn removes(&self) -> Removes {
        use GuardedCommand as G;
        match self.guarded() {
            Some(G::Down) => Removes::All,
            Some(G::Wait) if self.is_set("down-project") => Removes::All,
            Some(G::Rm) if self.is_set("stop") => Removes::All,
            Some(G::Rm) => Removes::Stopped,
            Some(
                G::Cp
                | G::Create
                | G::Kill
                | G::Restart
                | G::Run
                | G::Scale
                | G::Start
                | G::Stop
                | G::Up
                | G::Wait
                | G::Watch,
            )
            | None => Removes::Nothing,
        }
    }

    /// Whether it acts on every service, whatever it names: `wait --down-project` is a `down` of everything, inactive
    /// profiles too (measured).
    pub fn acts_on_everything(&self) -> bool {
        self.guarded() == Some(GuardedCommand::Wait)
    }

    /// Whether, without a file, services that depend on the named ones are removed too, by their labels (measured,
    /// 2.40.3).
    pub fn removes_dependents_by_label(&self) -> bool {
        self.guarded() == Some(GuardedCommand::Down)
    }

    /// Whether one-off containers belong to its scope.
    pub fn includes_one_offs(&self) -> bool {
        self.grammar == Grammar::V1 && self.guarded() == Some(GuardedCommand::Down)
    }

    /// Whether the project's volumes are deleted.
    pub fn deletes_volumes(&self) -> bool {
        self.guarded() == Some(GuardedCommand::Down) && self.is_set("volumes")
    }

    /// Whether the anonymous volumes of removed containers are deleted with them. `wait` takes no `--volumes`.
    pub fn deletes_anonymous_volumes(&self) -> bool {
        self.removes() != Removes::Nothing && self.is_set("volumes")
    }

    /// Which images are deleted: `all` or `local`.
    pub fn deletes_images(&self) -> Option<&str> {
        self.value("rmi").filter(|_| self.guarded() == Some(GuardedCommand::Down))
    }

    /// Whether every container gets new anonymous volumes.
    pub fn renews_anonymous_volumes(&self) -> bool {
        self.guarded() == Some(GuardedCommand::Up) && self.is_set("renew-anon-volumes")
    }

    /// Whether it can remove orphan containers at all.
    pub fn can_remove_orphans(&self) -> bool {
        use GuardedCommand as G;
        self.guarded().is_some_and(|command| match command {
            G::Up | G::Create | G::Run | G::Down => true,
            // `kill --remove-orphans` only kills them (measured, V2).
            G::Kill | G::Cp | G::Restart | G::Rm | G::Scale | G::Start | G::Stop | G::Wait | G::Watch => {
                false
            }
        })
    }

    /// Whether it heeds `COMPOSE_REMOVE_ORPHANS`; `run` does not (measured, V2).
    pub fn heeds_orphans_variable(&self) -> bool {
        self.grammar == Grammar::V2
            && self.can_remove_orphans()
            && self.guarded() != Some(GuardedCommand::Run)
    }

    /// Whether files of the host are synchronized into containers while it runs.
    pub fn watches_files(&self) -> bool {
        use GuardedCommand as G;
        self.guarded().is_some_and(|command| match command {
            G::Watch => true,
            G::Up => self.is_set("watch"),
            G::Cp
            | G::Create
            | G::Down
            | G::Kill
            | G::Restart
            | G::Rm
            | G::Run
            | G::Scale
            | G::Start
            | G::Stop
            | G::Wait => false,
        })
    }

    /// What is copied and where to, as typed.
    pub fn copies(&self) -> Option<(&str, &str)> {
        match (self.guarded(), self.operands.as_slice()) {
            (Some(GuardedCommand::Cp), [from, to]) => Some((from, to)),
            _ => None,
        }
    }

    /// Whether the version of Compose decides how much it deletes or renews.
    pub fn depends_on_version(&self) -> bool {
        self.grammar == Grammar::V2
            && ((self.deletes_volumes() && !self.operands.is_empty()) || self.renews_anonymous_volumes())
    }

    /// Whether its words alone can lose data. Where nothing can be found out beforehand, a command that cannot runs all
    /// the same: mostly Compose then says itself what is wrong.
    pub fn may_lose_data(&self) -> bool {
        use GuardedCommand as G;
        let any = |flags: &[&str]| flags.iter().any(|flag| self.is_set(flag));
        match &self.subcommand {
            Some(Subcommand::Guarded(command)) => match command {
                G::Down | G::Rm | G::Cp | G::Watch | G::Scale => true,
                G::Wait => self.is_set("down-project"),
                G::Up | G::Create | G::Run => {
                    any(&[
                        "yes",
                        "force-recreate",
                        "renew-anon-volumes",
                        "always-recreate-deps",
                        "remove-orphans",
                        "watch",
                    ]) || self.value("scale").is_some()
                }
                G::Kill | G::Restart | G::Start | G::Stop => false,
            },
            Some(Subcommand::Unknown(_)) => true,
            Some(Subcommand::Harmless(_)) | None => false,
        }
    }

    /// Whether Compose itself stops at a file that it cannot read, before it does anything.
    pub fn stops_at_unreadable_file(&self) -> bool {
        use GuardedCommand as G;
        match &self.subcommand {
            Some(Subcommand::Guarded(command)) => match command {
                G::Down | G::Rm | G::Wait => false,
                G::Cp
                | G::Create
                | G::Kill
                | G::Restart
                | G::Run
                | G::Scale
                | G::Start
                | G::Stop
                | G::Up
                | G::Watch => true,
            },
            Some(Subcommand::Unknown(_)) => false,
            Some(Subcommand::Harmless(_)) | None => true,
        }
    }

    /// Whether V2 can find its containers by label instead of reading a file.
    pub fn file_use(&self) -> FileUse {
        use GuardedCommand as G;
        match self.guarded() {
            Some(G::Down | G::Stop | G::Rm | G::Start | G::Restart | G::Kill | G::Wait) => FileUse::Optional,
            Some(G::Cp) => FileUse::IgnoredWithName,
            Some(G::Create | G::Run | G::Scale | G::Up | G::Watch) | None => FileUse::Required,
        }
    }

    /// The services that it names. Behind its service `run` has the words of another program, and `scale` has
    /// `service=number`.
    pub fn named_services(&self) -> Vec<&str> {
        use GuardedCommand as G;
        let words = self.operands.iter().map(String::as_str);
        match self.guarded() {
            Some(G::Run) => words.take(1).collect(),
            Some(G::Scale) => words.map(|word| word.split('=').next().unwrap_or(word)).collect(),
            Some(
                G::Cp
                | G::Create
                | G::Down
                | G::Kill
                | G::Restart
                | G::Rm
                | G::Start
                | G::Stop
                | G::Up
                | G::Wait
                | G::Watch,
            )
            | None => words.collect(),
        }
    }

    /// The number of replicas that it gives a service: `--scale web=3`, or the operand `web=3` of `scale`.
    pub fn replicas_of(&self, service: &str) -> Option<u32> {
        let operands = if self.scales_named_services_only() { self.operands.as_slice() } else { &[] };
        operands
            .iter()
            .map(String::as_str)
            .chain(self.values("scale"))
            .filter_map(|word| word.split_once('='))
            .filter(|(name, _)| *name == service)
            .filter_map(|(_, number)| number.trim().parse().ok())
            .last()
    }
}

/// Zero in any spelling that Go and Python read: `0`, `-0`, `00`, `0x0`.
fn is_zero(number: &str) -> bool {
    let digits = number.trim_start_matches(['+', '-']);
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0b")).unwrap_or(digits);
    !digits.is_empty() && digits.chars().all(|digit| matches!(digit, '0' | '_'))
}

/// What a signal of `kill` does to a server; `None` for a signal that only notifies it, such as SIGHUP.
fn kill_mode(signal: &str) -> Option<StopMode> {
    let name = signal.to_ascii_uppercase();
    match name.trim_start_matches("SIG") {
        "HUP" | "1" | "USR1" | "10" | "USR2" | "12" | "WINCH" | "28" | "CONT" | "18" | "CHLD" | "17" => None,
        "TERM" | "15" | "INT" | "2" | "QUIT" | "3" | "STOP" | "19" | "TSTP" | "20" => {
            Some(StopMode::Graceful)
        }
        _ => Some(StopMode::Immediate),
    }
}
