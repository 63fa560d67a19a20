//! Regular backups: a timer of systemd, else a line for cron.

use std::path::{Path, PathBuf};

use super::block::block;
use super::error::SetupError;
use super::scope::{SetupPlaces, SetupScope};
use super::step::SetupStep;
use crate::env::Env;

/// The names of a project's file.
const PROJECT_FILES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerInterval {
    Hourly,
    Daily,
    Weekly,
}

impl TimerInterval {
    /// The word of `OnCalendar`.
    fn calendar(self) -> &'static str {
        match self {
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
        }
    }

    /// The five fields of cron.
    fn cron(self) -> &'static str {
        match self {
            Self::Hourly => "17 * * * *",
            Self::Daily => "17 3 * * *",
            Self::Weekly => "17 3 * * 0",
        }
    }
}

/// Which projects a timer backs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackedUpProjects {
    InCurrentDirectory,
    /// Every project of the engine.
    All,
}

/// What a timer runs.
struct BackupJob {
    /// The name of its units.
    name: String,
    description: String,
    /// The program and its arguments.
    words: Vec<String>,
}

impl BackupJob {
    fn new(env: &Env, places: &SetupPlaces, projects: BackedUpProjects) -> Result<Self, SetupError> {
        let program = places.program().to_string_lossy().into_owned();
        let words = |words: &[&str]| {
            [program].into_iter().chain(words.iter().map(|word| (*word).to_owned())).collect()
        };
        match projects {
            BackedUpProjects::All => Ok(Self {
                name: "safe-compose-backup-all".to_owned(),
                description: "Back up every Compose project".to_owned(),
                words: words(&["backup", "--all", "--quiet"]),
            }),
            BackedUpProjects::InCurrentDirectory => {
                let directory = &env.current_dir;
                if !PROJECT_FILES.iter().any(|name| directory.join(name).is_file()) {
                    return Err(SetupError::NoProject);
                }
                let path = directory.to_string_lossy();
                Ok(Self {
                    name: format!("safe-compose-backup-{}", unit_name(directory)),
                    description: format!("Back up the Compose project in {path}"),
                    words: words(&["--project-directory", &path, "backup", "--quiet"]),
                })
            }
        }
    }
}

/// The steps that make backups regular.
pub(super) fn steps(
    env: &Env,
    places: &SetupPlaces,
    interval: TimerInterval,
    projects: BackedUpProjects,
) -> Result<Vec<SetupStep>, SetupError> {
    let job = BackupJob::new(env, places, projects)?;
    if let Some(systemctl) = running_systemd(env, "systemctl") {
        return Ok(systemd(env, places, (&job, interval), systemctl.as_path()));
    }
    // cron reads a `%` as a line break.
    let command = shell_words::join(&job.words).replace('%', "\\%");
    match places.scope {
        SetupScope::User => {
            let program = env.program("crontab").ok_or(SetupError::NoScheduler)?;
            let text = block(&job.name, &format!("{} {command}", interval.cron()));
            Ok(vec![SetupStep::Crontab { program, text }])
        }
        SetupScope::System => {
            let directory = env.system("/etc/cron.d");
            if !directory.is_dir() {
                return Err(SetupError::NoScheduler);
            }
            // run-parts of cron skips names with a dot.
            let path = directory.join(job.name.replace('.', "_"));
            let text = format!("{} root {command}\n", interval.cron());
            Ok(vec![SetupStep::File { path, text }])
        }
    }
}

/// A program of systemd, if systemd runs this machine: it makes this directory when it starts.
pub(super) fn running_systemd(env: &Env, program: &str) -> Option<PathBuf> {
    env.system("/run/systemd/system").is_dir().then(|| env.program(program)).flatten()
}

/// Whether the timers of a scope stop when the user logs out, unless systemd was told otherwise.
pub fn needs_lingering(env: &Env, places: &SetupPlaces) -> bool {
    places.scope == SetupScope::User && running_systemd(env, "systemctl").is_some()
}

fn systemd(
    env: &Env,
    places: &SetupPlaces,
    (job, interval): (&BackupJob, TimerInterval),
    systemctl: &Path,
) -> Vec<SetupStep> {
    // A service of the system has no home unless it names its user: nothing would be known of former projects.
    let (units, arguments, user) = match places.scope {
        SetupScope::User => (places.home.join(".config/systemd/user"), vec!["--user".to_owned()], ""),
        SetupScope::System => (env.system("/etc/systemd/system"), Vec::new(), "User=root\n"),
    };
    let name = &job.name;
    let description = job.description.replace('%', "%%");
    let command: Vec<String> = job.words.iter().map(|word| unit_word(word)).collect();
    let service = format!(
        "[Unit]\nDescription={description}\n\n[Service]\nType=oneshot\n{user}ExecStart={}\n",
        command.join(" ")
    );
    let timer = format!(
        "[Unit]\nDescription={description}\n\n[Timer]\nOnCalendar={}\nPersistent=true\nRandomizedDelaySec=10min\n\n[Install]\nWantedBy=timers.target\n",
        interval.calendar(),
    );
    vec![
        SetupStep::File { path: units.join(format!("{name}.service")), text: service },
        SetupStep::File { path: units.join(format!("{name}.timer")), text: timer },
        SetupStep::Enable { program: systemctl.to_owned(), arguments, unit: format!("{name}.timer") },
    ]
}

/// A word of a command line in a unit: quoted where necessary, without specifiers and variables.
fn unit_word(word: &str) -> String {
    if !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '-') {
        return word.to_owned();
    }
    let word = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{word}\"")
}

/// The name of a directory, as far as a unit may be called by it, and the beginning of the digest of its path.
fn unit_name(directory: &Path) -> String {
    let name = directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '_' }).collect();
    let digest = crate::fs::Digest::of(directory.as_os_str().as_encoded_bytes()).to_string();
    format!("{name}-{}", &digest[..8])
}
