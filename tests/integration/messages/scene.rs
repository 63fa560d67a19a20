//! A project, its engine and its Compose, and the session of a user who works with them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp};
use regex::{Captures, Regex};
use safe_compose::commands::EngineSource;
use safe_compose::engine::memory::MemoryEngine;
use safe_compose::engine::{Container, ContainerState, Image, Mount, MountSource, Volume, VolumeIdentity};
use safe_compose::env::Env;
use safe_compose::run::App;
use safe_compose::ui::{Reply, ScreenCapture, Stream, Ui};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::write;

/// What stands for the directories of a scene in snapshots: as long as they are, so that lines break where they did.
const PROJECT: &str = "/home/me/project";
const TOOLS: &str = "/usr/local/tools";

/// Answers what the guard asks, from the files beside it, and writes down everything else that it is to run.
const COMPOSE: &str = r#"#!/bin/sh
here=$(dirname "$0")
case " $* " in
*" version --short "*) cat "$here/version" ;;
*" --help "*" --no-such-flag "* | *" bakcup "*) exit 16 ;;
*" --help "*) ;;
*" config --hash "*) cat "$here/hashes" ;;
*" config "*)
    cat "$here/complaints" >&2
    [ -s "$here/config.json" ] || exit 15
    cat "$here/config.json"
    ;;
*)
    printf '%s\n' "$*" >>"$here/ran"
    case "$1" in
    stop) exit "$(cat "$here/stop-exit")" ;;
    *) exit "$(cat "$here/exit")" ;;
    esac
    ;;
esac
"#;

/// See the head of this file.
pub(crate) struct Scene {
    project: TempDir,
    tools: TempDir,
    pub(crate) engine: MemoryEngine,
    env: Env,
    width: usize,
    /// The replies of whoever sits at the terminal; `None` without a terminal.
    replies: Option<Vec<Reply>>,
    session: String,
}

/// A command line that was run.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) exit: u8,
    pub(crate) printed: String,
    /// What Compose was run with.
    pub(crate) ran: Vec<String>,
}

impl Scene {
    /// A project `shop` without services, on an empty engine, without a terminal.
    pub(crate) fn empty() -> Self {
        let directory = |prefix| {
            tempfile::Builder::new().prefix(prefix).rand_bytes(6).tempdir_in("/tmp").expect("a directory")
        };
        let (project, tools) = (directory("shop-"), directory("tool-"));
        let compose = tools.path().join("docker-compose");
        write(&compose, COMPOSE, 0o755);
        write(&tools.path().join("hashes"), "", 0o644);
        write(&tools.path().join("complaints"), "", 0o644);
        write(&tools.path().join("version"), "2.40.3\n", 0o644);
        write(&tools.path().join("exit"), "0", 0o644);
        write(&tools.path().join("stop-exit"), "0", 0o644);
        write(&project.path().join("compose.yaml"), "services: {}\n", 0o644);
        let env = Env {
            compose: Some(compose.into_os_string()),
            home: Some(tools.path().to_owned()),
            current_dir: project.path().to_owned(),
            wait: Some("1".to_owned()),
            ..Env::default()
        };
        let scene = Self {
            project,
            tools,
            engine: MemoryEngine::new(),
            env,
            width: 80,
            replies: None,
            session: String::new(),
        };
        scene.with_config(&json!({ "name": "shop", "services": {} }))
    }

    /// The project `shop`: `db` runs and keeps its data in the volume `data`; `web` runs and keeps none.
    pub(crate) fn shop() -> Self {
        let files = [("base/1/PG_VERSION", 8192), ("pg_wal/000000010000000000000001", 16_384)];
        Self::empty().with_config(&shop_config()).with_new_engine().with_files("shop_data", &files)
    }

    /// An engine with the containers of [`Scene::shop`], whose volume is empty.
    pub(crate) fn with_new_engine(mut self) -> Self {
        self.engine = MemoryEngine::new();
        let data = mount("shop_data", "/var/lib/postgresql/data");
        self.with_image("postgres:17")
            .with_image("nginx:1.27")
            .with_volume("shop_data", "data")
            .with_container(container("db", "postgres:17", vec![data]))
            .with_container(container("web", "nginx:1.27", Vec::new()))
    }

    /// What Compose makes of the project's file.
    pub(crate) fn with_config(self, config: &Value) -> Self {
        let mut config = config.clone();
        let text = serde_json::to_string(&config["services"]).expect("JSON");
        // A path in the project is written with a dot in front.
        let text = text.replace("\"./", &format!("\"{}/", self.project.path().display()));
        config["services"] = serde_json::from_str(&text).expect("JSON");
        write(&self.tools.path().join("config.json"), config.to_string(), 0o644);
        self
    }

    /// Adds the settings under `x-safe-compose`.
    pub(crate) fn with_settings(self, settings: &Value) -> Self {
        let path = self.tools.path().join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).expect("there")).expect("JSON");
        config["x-safe-compose"] = settings.clone();
        write(&path, config.to_string(), 0o644);
        self
    }

    /// Compose refuses the project's file.
    pub(crate) fn with_refused_file(self, complaint: &str) -> Self {
        write(&self.tools.path().join("config.json"), "", 0o644);
        write(&self.tools.path().join("complaints"), complaint, 0o644);
        self
    }

    /// The exit code of `stop`, whoever runs it.
    pub(crate) fn with_stop_exit(self, code: u8) -> Self {
        write(&self.tools.path().join("stop-exit"), code.to_string(), 0o644);
        self
    }

    /// The exit code of every other command that Compose runs.
    pub(crate) fn with_compose_exit(self, code: u8) -> Self {
        write(&self.tools.path().join("exit"), code.to_string(), 0o644);
        self
    }

    /// What Compose prints of its version.
    pub(crate) fn with_compose_version(self, version: &str) -> Self {
        write(&self.tools.path().join("version"), version, 0o644);
        self
    }

    /// Compose cannot be run.
    pub(crate) fn with_broken_compose(self) -> Self {
        write(&self.tools.path().join("docker-compose"), "#!/nowhere/sh\n", 0o755);
        self
    }

    /// A file of the project.
    pub(crate) fn with_file(self, path: &str, content: &str) -> Self {
        write(&self.project.path().join(path), content, 0o644);
        self
    }

    pub(crate) fn with_image(mut self, reference: &str) -> Self {
        let image = Image { id: format!("sha256:{reference}"), ..Image::default() };
        self.engine = self.engine.with_image(reference, image);
        self
    }

    /// A volume of the project, three days old.
    pub(crate) fn with_volume(mut self, name: &str, key: &str) -> Self {
        let labels = [("com.docker.compose.project", "shop"), ("com.docker.compose.volume", key)];
        let created = Timestamp::now() - SignedDuration::from_hours(3 * 24 + 1);
        self.engine = self.engine.with_volume(Volume {
            name: name.into(),
            driver: "local".into(),
            options: BTreeMap::new(),
            labels: labels.map(|(key, value)| (key.into(), value.into())).into(),
            created: Some(created.to_string()),
            mountpoint: PathBuf::new(),
            identity: Some(VolumeIdentity::created_at(&created.to_string())),
        });
        self
    }

    /// Files in a volume, by their sizes.
    pub(crate) fn with_files(mut self, volume: &str, files: &[(&str, usize)]) -> Self {
        for (path, size) in files {
            self.engine = self.engine.with_volume_file(volume, path, vec![b'x'; *size]);
        }
        self
    }

    pub(crate) fn with_container(mut self, mut container: Container) -> Self {
        container.labels.insert(
            "com.docker.compose.project.working_dir".into(),
            self.project.path().display().to_string(),
        );
        self.engine = self.engine.with_container(container);
        self
    }

    /// `db` has stopped.
    pub(crate) fn stopped(self) -> Self {
        self.engine.set_state("shop-db-1", ContainerState::Exited);
        self
    }

    /// The screen is so many columns wide.
    pub(crate) fn at_width(mut self, width: usize) -> Self {
        self.width = width;
        self
    }

    /// Somebody sits at a terminal. Each prompt gets the next reply; after the last, the end of input.
    pub(crate) fn at_terminal(mut self, replies: &[Reply]) -> Self {
        self.replies = Some(replies.to_vec());
        self
    }

    /// The user works in another directory.
    pub(crate) fn elsewhere(mut self) -> Self {
        self.env.current_dir = self.tools.path().to_owned();
        self.env.state_home = Some(self.tools.path().join("state"));
        self
    }

    /// Nobody sits at a terminal any more.
    pub(crate) fn without_terminal(mut self) -> Self {
        self.replies = None;
        self
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.project.path().join(below)
    }

    pub(crate) fn env(&mut self) -> &mut Env {
        &mut self.env
    }

    /// Runs a command line, in which `{project}` is the project's directory, and adds it and what it prints to the session.
    pub(crate) fn run(&mut self, line: &str) -> &mut Self {
        let (screen, exit) = self.print(line);
        self.session
            .push_str(&format!("$ safe-compose {}\n", self.filtered(&line.replace("{project}", PROJECT))));
        for (stream, text) in screen.printed() {
            let name = match stream {
                Stream::Stdout => "stdout",
                Stream::Stderr => "stderr",
            };
            // Of findings the colours depend on the terminal of whoever runs the tests.
            let text = self.filtered(&console::strip_ansi_codes(&text));
            self.session.push_str(&format!("--- {name}\n{text}"));
        }
        for ran in self.take_ran() {
            self.session.push_str(&format!("--- Compose ran: {}\n", self.filtered(&ran)));
        }
        self.session.push_str(&format!("--- exit code {exit}\n\n"));
        self
    }

    /// Runs a command line, for tests that do not show what it prints.
    pub(crate) fn attempt(&self, line: &str) -> Attempt {
        let (screen, exit) = self.print(line);
        let printed = screen.printed().into_iter().map(|(_, text)| text).collect();
        Attempt { exit, printed, ran: self.take_ran() }
    }

    /// Runs a command line that only prepares what is shown. It has to succeed.
    pub(crate) fn prepare(&mut self, line: &str) -> &mut Self {
        let (screen, exit) = self.print(line);
        assert_eq!(exit, 0, "{line}:\n{}", screen.stream(Stream::Stderr));
        self.take_ran();
        self
    }

    /// Runs a command line that only prepares what is shown, however it ends.
    pub(crate) fn run_quietly(&mut self, line: &str) -> &mut Self {
        self.print(line);
        self.take_ran();
        self
    }

    /// Runs `line`, in which `{token}` is the token that the refusal of it prints.
    pub(crate) fn run_with_token(&mut self, line: &str) -> &mut Self {
        let refused = line.replace("--safe-allow={token} ", "");
        let (screen, exit) = self.print(&refused);
        assert_eq!(exit, 77, "{refused}");
        let text = screen.stream(Stream::Stderr);
        let token = text.split("--safe-allow=").nth(1).and_then(|rest| rest.split_whitespace().next());
        let line = line.replace("{token}", token.expect("a token"));
        self.run(&line)
    }

    /// Holds the session against the snapshot `area/name`.
    pub(crate) fn snapshot(&self, name: &str) {
        let (area, name) = name.split_once('/').expect("area/name");
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(Path::new("snapshots").join(area));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, self.session.trim_end()));
    }

    fn print(&self, line: &str) -> (ScreenCapture, u8) {
        let mut screen = ScreenCapture::new(self.width);
        if let Some(replies) = &self.replies {
            screen = screen.with_terminal(replies.clone());
        }
        let app = App {
            env: self.env.clone(),
            ui: Ui::captured(&screen),
            engine: EngineSource::Given(Arc::new(self.engine.clone())),
            exec: handed_over,
        };
        let line = line.replace("{project}", &self.project.path().display().to_string());
        let words = shell_words::split(&line).expect("words").into_iter().map(OsString::from).collect();
        let exit = app.run(OsStr::new("safe-compose"), words);
        (screen, exit.code())
    }

    fn take_ran(&self) -> Vec<String> {
        let path = self.tools.path().join("ran");
        let ran = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        ran.lines().map(str::to_owned).collect()
    }

    /// Text without what differs from run to run. What takes its place is as long, so that tables stay aligned.
    fn filtered(&self, text: &str) -> String {
        let text = text
            .replace(&self.project.path().display().to_string(), PROJECT)
            .replace(&self.tools.path().display().to_string(), TOOLS);
        let text = SHORTENED.replace_all(&text, |found: &Captures<'_>| {
            found[0].replace(|letter: char| letter.is_ascii_digit(), "0")
        });
        FILTERS
            .iter()
            .fold(text.into_owned(), |text, (pattern, with)| pattern.replace_all(&text, *with).into_owned())
    }
}

/// What is left of the time in the name of a backup, in a column that is too narrow for it.
static SHORTENED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"…[\d_]*\d\b").expect("a pattern"));

static FILTERS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[time]"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "YYYY-MM-DD hh:mm:ssZ"),
        (r"_backup_\d{8}_\d{6}", "_backup_YYYYMMDD_hhmmss"),
        (r"backup_set_\d{8}_\d{6}", "backup_set_YYYYMMDD_hhmmss"),
        (r"\(\d+(\.\d)? [kM]?B\s+added\)", "([size] added)"),
        (r#""added_bytes": \d+"#, r#""added_bytes": 0"#),
        (r#""snapshot": "[0-9a-f]{8}""#, r#""snapshot": "[snapshot]""#),
        (r"snapshot [0-9a-f]{8} is", "snapshot [snap--] is"),
        (r"--safe-allow=[0-9a-f]{12}\b", "--safe-allow=[token-----]"),
        (r#""token": "[0-9a-f]{12}""#, r#""token": "[token]""#),
        (r#""id": "[0-9a-f]+-[0-9a-f]+""#, r#""id": "[run]""#),
        (r"\b[0-9a-f]{64}\b", "[digest]"),
        (r"scratch-[0-9a-f]{12}\b", "scratch-[id--------]"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
        // The time in a portable file has more or fewer digits.
        (r#""bytes": \d+,(\s+)"collections""#, r#""bytes": [bytes],$1"collections""#),
        (r"\([0-9a-f]{12}\)", "([commit----])"),
        (r#""commit": "[0-9a-f]{12}""#, r#""commit": "[commit]""#),
    ]
    .map(|(pattern, with)| (Regex::new(pattern).expect("a pattern"), with))
    .into()
});

/// Stands in for becoming the real Compose.
fn handed_over(_: &Path, words: &[OsString], _: Option<(&'static str, OsString)>) -> io::Error {
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    io::Error::other(format!("the test would have become Compose: {}", words.join(" ")))
}

/// Somebody types this and presses Enter.
pub(crate) fn typed(text: &str) -> Reply {
    Reply::Typed(text.to_owned())
}

/// The file of [`Scene::shop`].
pub(crate) fn shop_config() -> Value {
    json!({
        "name": "shop",
        "services": {
            "db": { "image": "postgres:17", "volumes": [
                { "type": "volume", "source": "data", "target": "/var/lib/postgresql/data", "volume": {} }
            ] },
            "web": { "image": "nginx:1.27", "depends_on": { "db": { "condition": "service_started" } } },
        },
        "volumes": { "data": { "name": "shop_data" } },
    })
}

/// A running container of a service of `shop`.
pub(crate) fn container(service: &str, image: &str, mounts: Vec<Mount>) -> Container {
    let labels = [
        ("com.docker.compose.project", "shop"),
        ("com.docker.compose.service", service),
        ("com.docker.compose.container-number", "1"),
        ("com.docker.compose.oneoff", "False"),
    ];
    Container {
        id: format!("id-{service}"),
        name: format!("shop-{service}-1"),
        state: ContainerState::Running,
        image: image.into(),
        image_id: format!("sha256:{image}"),
        environment: BTreeMap::new(),
        user: String::new(),
        labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        mounts,
        ports: Vec::new(),
        addresses: BTreeMap::new(),
        network_mode: "shop_default".into(),
        created: "2026-01-01T00:00:00Z".into(),
        started: Some("2026-01-01T00:00:00Z".into()),
        finished: None,
        health: None,
        exit_code: 0,
        command: Vec::new(),
    }
}

/// A mount of a named volume.
pub(crate) fn mount(volume: &str, destination: &str) -> Mount {
    Mount {
        source: MountSource::Volume {
            name: volume.into(),
            driver: "local".into(),
            anonymous: false,
            inherited: false,
        },
        destination: destination.into(),
        read_only: false,
        subpath: None,
    }
}
