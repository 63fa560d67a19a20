//! A small project whose data is told apart by a number.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::bare::{Bare, docker};
use crate::support::scratch::Ran;
use crate::support::stand_in::directory_of;
use crate::support::{Compose, Scratch};

/// The services with data; `idle` does not run.
pub(super) const SERVICES: [&str; 3] = ["db", "files", "idle"];

const COMMAND: &str = r"trap 'exit 0' TERM; while :; do /bin/busybox sleep 1 & wait $$!; done";

/// How many bytes each volume holds: random ones, which do not become fewer when they are compressed.
const BULK: usize = 6_000_000;

pub(super) struct Stack {
    pub(super) project: Scratch,
    _bare: Bare,
}

/// What is in each volume (`None`: nothing of ours), and the state of each service's container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) numbers: BTreeMap<&'static str, Option<u64>>,
    pub(super) states: BTreeMap<&'static str, String>,
}

impl Stack {
    /// `None` where this machine cannot run it.
    pub(super) fn new(settings: &str) -> Option<Self> {
        let bare = Bare::new("faults")?;
        let image = bare.image(&[]);
        let service = |name: &str| {
            format!(
                "  {name}: {{ image: \"{image}\", stop_grace_period: 3s, volumes: [ \"{name}:/data\" ], command: [ /bin/sh, -c, \"{COMMAND}\" ] }}\n"
            )
        };
        let volumes: Vec<String> = SERVICES.iter().map(|name| format!("{name}: {{}}")).collect();
        let services: String = SERVICES.iter().map(|name| service(name)).collect();
        let file = format!("{settings}\nservices:\n{services}volumes: {{ {} }}\n", volumes.join(", "));
        let project = Scratch::new(Compose::V2, &file)?;
        let stack = Self { project, _bare: bare };
        stack.start();
        for service in SERVICES {
            let mut bytes = vec![0; BULK];
            File::open("/dev/urandom")
                .and_then(|mut random| random.read_exact(&mut bytes))
                .expect("random bytes");
            fs::write(directory_of(&stack.project.volume(service)).join("bulk"), bytes).expect("written");
        }
        Some(stack)
    }

    /// Everything runs but `idle`.
    pub(super) fn start(&self) {
        self.project.plain(&["up", "-d"]).exits(0);
        self.project.plain(&["stop", "idle"]).exits(0);
    }

    /// Writes a number into every volume.
    pub(super) fn write(&self, number: u64) {
        for service in SERVICES {
            let path = directory_of(&self.project.volume(service)).join("number");
            fs::write(path, number.to_string()).expect("written");
        }
    }

    pub(super) fn seen(&self) -> Seen {
        let numbers = SERVICES.map(|service| (service, number_in(&self.project.volume(service))));
        let states = SERVICES.map(|service| (service, self.state(service)));
        Seen { numbers: numbers.into(), states: states.into() }
    }

    /// The state of a service's container, `none` if there is none.
    fn state(&self, service: &str) -> String {
        let filters = [
            format!("label=com.docker.compose.project={}", self.project.project),
            format!("label=com.docker.compose.service={service}"),
        ];
        let words = ["ps", "-a", "--format", "{{.State}}", "--filter", &filters[0], "--filter", &filters[1]];
        match docker(&words).expect("listed").as_str() {
            "" => "none".to_owned(),
            state => state.to_owned(),
        }
    }

    /// The numbers in the listed backups of a service, by the names of the backups, oldest first.
    pub(super) fn backed_up(&self, service: &str) -> Vec<(String, Option<u64>)> {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.project.backups(service).iter().map(|path| (name(path), number_in_backup(path))).collect()
    }

    /// What is left of work that was begun: helper containers, and directories with hidden names.
    pub(super) fn left_over(&self) -> Vec<String> {
        let mut left: Vec<String> = SERVICES
            .iter()
            .flat_map(|service| {
                let volume = format!("volume={}", self.project.volume(service));
                let words = [
                    "ps",
                    "-a",
                    "--format",
                    "{{.Names}}",
                    "--filter",
                    "label=safe-compose.helper",
                    "--filter",
                    &volume,
                ];
                let listed = docker(&words).expect("listed");
                listed.lines().map(|name| format!("helper container {name}")).collect::<Vec<_>>()
            })
            .collect();
        for service in SERVICES {
            let Ok(entries) = fs::read_dir(self.project.path("backups").join(service)) else { continue };
            let names =
                entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
            left.extend(names.filter(|name| name.starts_with(".partial") || name.starts_with(".deleting")));
        }
        left
    }

    /// Waits until nothing that a command has started works on the project any more: a signal to us alone leaves Compose.
    pub(super) fn wait_for_the_end(&self) {
        let variable = format!("COMPOSE_PROJECT_NAME={}", self.project.project);
        let until = Instant::now() + Duration::from_mins(1);
        while works(&variable) {
            assert!(Instant::now() < until, "a program still works on the project after a minute");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs a command, with the token that its refusal prints if it is refused.
    pub(super) fn confirmed(&self, words: &[&str]) -> Ran {
        let first = self.project.safe(words);
        match token(&first) {
            Some(token) => self.project.safe(&[&[token.as_str()], words].concat()),
            None => first,
        }
    }
}

/// The flag with the token of a refusal.
pub(super) fn token(refused: &Ran) -> Option<String> {
    let token = refused.stderr.split("--safe-allow=").nth(1)?.split_whitespace().next()?;
    (refused.code == 77).then(|| format!("--safe-allow={token}"))
}

fn works(variable: &str) -> bool {
    let entries = fs::read_dir("/proc").expect("listed").flatten();
    entries.map(|entry| entry.path().join("environ")).any(|environ| {
        fs::read(environ)
            .is_ok_and(|text| text.split(|byte| *byte == 0).any(|one| one == variable.as_bytes()))
    })
}

/// The number in a volume; `None` if there is no such volume, or none of ours in it.
fn number_in(volume: &str) -> Option<u64> {
    docker(&["volume", "inspect", volume]).ok()?;
    let directory = directory_of(volume);
    // Both files, or it is not complete.
    let is_complete = directory.join("bulk").metadata().is_ok_and(|found| found.len() == BULK as u64);
    let number = fs::read_to_string(directory.join("number")).ok()?.parse().ok();
    number.filter(|_| is_complete)
}

fn number_in_backup(backup: &Path) -> Option<u64> {
    let archive = zstd::Decoder::new(File::open(backup.join("data.tar.zst")).ok()?).ok()?;
    for entry in tar::Archive::new(archive).entries().ok()? {
        let mut entry = entry.ok()?;
        if entry.path().ok()?.ends_with("number") {
            let mut text = String::new();
            entry.read_to_string(&mut text).ok()?;
            return text.parse().ok();
        }
    }
    None
}
