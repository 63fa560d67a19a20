//! `setup` on a machine of its own: every file that it changes, and that `setup remove` leaves no trace.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use safe_compose::commands::EngineSource;
use safe_compose::compose::binary::{MARKER, locate};
use safe_compose::env::Env;
use safe_compose::run::App;
use safe_compose::ui::{Reply, ScreenCapture, Stream, Ui};
use serde_json::Value;

use crate::support::{fake_compose, write};

/// A machine with a user, on which this program was just built.
struct Machine {
    root: tempfile::TempDir,
    env: Env,
}

/// How a command line ended.
#[derive(Debug)]
struct Ended {
    code: u8,
    stdout: String,
    stderr: String,
}

/// What a path is: a directory, a link to somewhere, or a file with its mode and its bytes.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Directory,
    Link(PathBuf),
    File(u32, Vec<u8>),
}

const PLUGIN: &str = "home/.docker/cli-plugins/docker-compose";
const PROGRAM: &str = "home/.local/share/safe-compose/bin/safe-compose";

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let at = |name: &str| root.path().join(name);
        write(&at("own/safe-compose"), format!("\x7fELF {MARKER}"), 0o755);
        for directory in ["home", "project", "system/usr/local"] {
            fs::create_dir_all(at(directory)).expect("made");
        }
        let path = [at("home/.local/bin"), at("bin"), at("system/usr/local/bin"), at("system/usr/bin")];
        let env = Env {
            path: Some(std::env::join_paths(path).expect("a path")),
            home: Some(at("home")),
            shell: Some("/bin/bash".into()),
            system_root: Some(at("system")),
            current_dir: at("project"),
            executable: Some(at("own/safe-compose")),
            ..Env::default()
        };
        Self { root, env }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn run_on(&self, screen: &ScreenCapture, line: &str) -> Ended {
        let app = App {
            env: self.env.clone(),
            ui: Ui::captured(screen),
            engine: EngineSource::Docker,
            exec: |_, _, _| io::ErrorKind::Unsupported.into(),
        };
        let words = line.split(' ').map(OsString::from).collect();
        let code = app.run(OsStr::new("safe-compose"), words).code();
        Ended { code, stdout: screen.stream(Stream::Stdout), stderr: screen.stream(Stream::Stderr) }
    }

    /// Without a terminal.
    fn run(&self, line: &str) -> Ended {
        self.run_on(&ScreenCapture::new(200), line)
    }

    #[track_caller]
    fn succeed(&self, line: &str) -> Ended {
        let ended = self.run(line);
        assert_eq!(ended.code, 0, "{line}: {ended:?}");
        ended
    }

    /// Everything on the machine.
    fn tree(&self) -> BTreeMap<PathBuf, Entry> {
        let mut found = BTreeMap::new();
        let mut open = vec![self.root.path().to_owned()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(&directory).expect("a directory") {
                let path = entry.expect("an entry").path();
                let metadata = fs::symlink_metadata(&path).expect("there");
                let entry = if metadata.is_symlink() {
                    Entry::Link(fs::read_link(&path).expect("a link"))
                } else if metadata.is_dir() {
                    open.push(path.clone());
                    Entry::Directory
                } else {
                    Entry::File(metadata.permissions().mode(), fs::read(&path).expect("readable"))
                };
                found.insert(path, entry);
            }
        }
        found
    }

    fn behind(&self, called_as: &str, plugin: bool) -> PathBuf {
        let mut env = self.env.clone();
        env.executable = Some(self.at(PROGRAM));
        env.plugin_caller = plugin.then(|| "/usr/bin/docker".into());
        locate(&env, OsStr::new(called_as)).expect("a Compose").path
    }
}

/// Runs command lines, and expects that `setup remove` leaves every byte as it was.
#[track_caller]
fn leaves_no_trace(machine: &Machine, lines: &[&str], removal: &str) {
    let before = machine.tree();
    for line in lines {
        machine.succeed(line);
    }
    assert!(machine.tree() != before, "{lines:?} have changed nothing");
    let installed = machine.tree();
    for line in lines {
        let again = machine.succeed(line);
        assert!(again.stderr.contains("nothing was changed"), "{again:?}");
    }
    assert!(machine.tree() == installed, "{lines:?} change something when they are repeated");
    machine.succeed(removal);
    assert_eq!(machine.tree(), before, "{lines:?}");
}

#[test]
fn the_plugin_is_a_link_to_a_copy_and_has_the_next_plugin_behind_it() {
    let machine = Machine::new();
    let real = machine.at("system/usr/libexec/docker/cli-plugins/docker-compose");
    fake_compose(&real);
    machine.succeed("setup plugin --yes");
    assert_eq!(fs::read_link(machine.at(PLUGIN)).expect("a link"), machine.at(PROGRAM));
    fs::remove_file(machine.at("own/safe-compose")).expect("removed");
    assert!(machine.at(PLUGIN).is_file(), "the copy does not need its source");
    assert_eq!(machine.behind("docker-compose", true), real);
    machine.succeed("setup remove --yes");
    assert!(fs::symlink_metadata(machine.at(PLUGIN)).is_err());
}

#[test]
fn every_component_can_be_removed_without_a_trace() {
    for lines in [
        &["setup plugin --yes"][..],
        &["setup shim --yes"],
        &["setup alias bash zsh fish nushell --yes"],
        &["setup --yes", "setup alias --yes", "setup hooks --yes"],
    ] {
        let machine = Machine::new();
        fs::create_dir(machine.at("project/.git")).expect("made");
        write(&machine.at("home/.bashrc"), "# mine, without a line break at the end", 0o640);
        write(
            &machine.at("project/.pre-commit-config.yaml"),
            "repos:\n  - repo: meta\n    hooks: [{id: identity}]\n",
            0o644,
        );
        // What a manager of settings leaves: a link to the file itself.
        write(&machine.at("settings/zshrc"), "# mine\n", 0o600);
        symlink(machine.at("settings/zshrc"), machine.at("home/.zshrc")).expect("linked");
        fake_compose(&machine.at("system/usr/bin/docker-compose"));
        leaves_no_trace(&machine, lines, "setup remove --yes");
    }
}

#[test]
fn all_users_get_their_own_places() {
    let machine = Machine::new();
    write(&machine.at("system/etc/bash.bashrc"), "# all\n", 0o644);
    fake_compose(&machine.at("system/usr/local/lib/docker/cli-plugins/docker-compose"));
    fake_compose(&machine.at("system/usr/bin/docker-compose"));
    let lines = ["setup --system --yes", "setup alias bash --system --yes"];
    leaves_no_trace(&machine, &lines, "setup remove --system --yes");
    machine.succeed(lines[0]);
    for link in
        ["system/usr/local/lib/docker/cli-plugins/docker-compose", "system/usr/local/bin/docker-compose"]
    {
        let program = machine.at("system/usr/local/lib/safe-compose/bin/safe-compose");
        assert_eq!(fs::read_link(machine.at(link)).expect("a link"), program);
    }
    assert!(!machine.at("home/.local").exists(), "nothing is in the user's home");
    let mode =
        machine.at("system/usr/local/lib/safe-compose/bin").metadata().expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o755, "others may run it");
}

#[test]
fn a_file_in_the_way_is_kept_used_and_put_back() {
    let machine = Machine::new();
    let (plugin, shim) = (machine.at(PLUGIN), machine.at("home/.local/bin/docker-compose"));
    write(&plugin, "#!/bin/sh\necho plugin 2.40.3\n", 0o755);
    write(&shim, "#!/nowhere/python3\n__requires__ = 'docker-compose==1.29.2'\n", 0o755);
    let before = machine.tree();
    let ended = machine.succeed("setup --yes");
    assert!(ended.stderr.contains("the file that is there is kept as"), "{ended:?}");
    assert_eq!(
        machine.behind("docker-compose", true),
        machine.at("home/.docker/cli-plugins/.safe-compose/docker-compose")
    );
    let generation = machine.behind("docker-compose", false);
    assert_eq!(generation, machine.at("home/.local/bin/.safe-compose/docker-compose"), "V1 stays V1");
    machine.succeed("setup remove --yes");
    assert_eq!(machine.tree(), before);
}

/// Somebody keeps files of their own in a directory that `setup` has made.
#[test]
fn a_directory_that_others_use_too_is_no_warning() {
    let machine = Machine::new();
    machine.succeed("setup plugin --yes");
    write(&machine.at("home/.local/share/other"), "mine", 0o644);
    let ended = machine.succeed("setup remove --yes");
    assert!(ended.stderr.ends_with("everything that was set up has been removed.\n"), "{ended:?}");
    machine.succeed("setup plugin --yes");
    write(&machine.at("home/.local/share/safe-compose/other"), "mine", 0o644);
    let ended = machine.succeed("setup remove --yes");
    assert!(ended.stderr.contains("safe-compose` is not empty"), "{ended:?}");
}

/// Somebody has installed another plugin since.
#[test]
fn what_was_replaced_since_is_left_alone() {
    let machine = Machine::new();
    write(&machine.at(PLUGIN), "first", 0o755);
    machine.succeed("setup plugin --yes");
    fs::remove_file(machine.at(PLUGIN)).expect("removed");
    write(&machine.at(PLUGIN), "second", 0o755);
    let ended = machine.succeed("setup remove --yes");
    assert!(ended.stderr.contains("was replaced since; what was there before is"), "{ended:?}");
    assert_eq!(fs::read(machine.at(PLUGIN)).expect("read"), b"second");
    let kept = machine.at("home/.docker/cli-plugins/.safe-compose/docker-compose");
    assert_eq!(fs::read(kept).expect("read"), b"first");
}

#[test]
fn a_new_version_replaces_the_copy_and_a_missing_copy_is_made_again() {
    let machine = Machine::new();
    machine.succeed("setup plugin --yes");
    write(&machine.at("own/safe-compose"), format!("\x7fELF new {MARKER}"), 0o755);
    let ended = machine.succeed("setup plugin --yes");
    assert!(ended.stderr.contains("replaces an older copy"), "{ended:?}");
    let new = fs::read(machine.at("own/safe-compose")).expect("read");
    assert_eq!(fs::read(machine.at(PROGRAM)).expect("read"), new);
    fs::remove_file(machine.at(PROGRAM)).expect("removed");
    machine.succeed("setup plugin --yes");
    assert_eq!(fs::read(machine.at(PLUGIN)).expect("read"), new);
}

#[test]
fn nothing_is_changed_without_a_yes() {
    let machine = Machine::new();
    let before = machine.tree();
    let refused = machine.run("setup");
    assert_eq!(refused.code, 77, "{refused:?}");
    assert!(refused.stderr.contains("Add `--yes`"), "{refused:?}");
    let screen = ScreenCapture::new(200).with_terminal([Reply::Typed("no".into())]);
    assert_eq!(machine.run_on(&screen, "setup").code, 77);
    assert_eq!(machine.run("setup --dry-run").code, 0);
    assert_eq!(machine.tree(), before);

    let screen = ScreenCapture::new(200).with_terminal([Reply::Typed("yes".into())]);
    assert_eq!(machine.run_on(&screen, "setup").code, 0);
    assert!(machine.at(PLUGIN).is_file());
}

/// A `docker-compose` is only installed by itself where there is one.
#[test]
fn setup_alone_guards_what_there_is() {
    let machine = Machine::new();
    let planned = |machine: &Machine| machine.succeed("setup --dry-run").stdout;
    assert!(!planned(&machine).contains(".local/bin"), "{}", planned(&machine));
    fake_compose(&machine.at("bin/docker-compose"));
    assert!(planned(&machine).contains("home/.local/bin/docker-compose"), "{}", planned(&machine));
}

#[test]
fn the_directory_of_the_shim_comes_first_in_path() {
    let mut machine = Machine::new();
    fake_compose(&machine.at("bin/docker-compose"));
    let planned = machine.succeed("setup shim --dry-run").stdout;
    assert!(!planned.contains(".profile"), "it is first already: {planned}");
    machine.env.path = Some(machine.at("bin").into());
    machine.succeed("setup shim --yes");
    let profile = fs::read_to_string(machine.at("home/.profile")).expect("written");
    let script = format!("PATH=/usr/bin; HOME=/h\n{profile}{profile}echo \"$PATH\"");
    assert_eq!(duct::cmd!("sh", "-c", script).read().expect("it runs"), "/h/.local/bin:/usr/bin");
}

#[test]
fn the_alias_is_understood_by_bash() {
    let machine = Machine::new();
    machine.succeed("setup alias bash --yes");
    let bashrc = machine.at("home/.bashrc");
    let ran = duct::cmd!("bash", "-c", "shopt -s expand_aliases; . \"$0\"; alias docker-compose", &bashrc);
    let link = machine.at("home/.local/share/safe-compose/bin/docker-compose");
    assert_eq!(ran.read().expect("it runs"), format!("alias docker-compose='{}'", link.display()));
    assert!(link.is_file());
}

/// A stand-in for a program that keeps what it was called with.
fn record_calls(path: &Path, answer: &str) {
    let script = format!("#!/bin/sh\necho \"$*\" >> {}.calls\n{answer}\n", path.display());
    write(path, script, 0o755);
}

#[test]
fn a_timer_of_systemd_backs_up_the_project() {
    let machine = Machine::new();
    write(&machine.at("project/compose.yaml"), "services: {}\n", 0o644);
    fs::create_dir_all(machine.at("system/run/systemd/system")).expect("made");
    let systemctl = machine.at("bin/systemctl");
    record_calls(&systemctl, "case \"$*\" in *is-enabled*) grep -q 'enable --now' \"$0.calls\" ;; esac");
    let before = machine.tree();
    let ended = machine.succeed("setup timer --every weekly --yes");
    let units: Vec<PathBuf> = fs::read_dir(machine.at("home/.config/systemd/user"))
        .expect("units")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(units.len(), 2);
    let text = |end: &str| {
        let path = units.iter().find(|path| path.to_string_lossy().ends_with(end)).expect("a unit");
        fs::read_to_string(path).expect("read")
    };
    assert!(text(".timer").contains("OnCalendar=weekly\n"));
    let (program, project) = (machine.at(PROGRAM), machine.at("project"));
    let start = format!(
        "ExecStart=\"{}\" --project-directory \"{}\" backup --quiet\n",
        program.display(),
        project.display()
    );
    assert!(text(".service").contains(&start), "{}", text(".service"));
    machine.succeed("setup remove --yes");
    let calls = machine.at("bin/systemctl.calls");
    let said = fs::read_to_string(&calls).expect("called");
    assert!(ended.stderr.contains("loginctl enable-linger"), "{ended:?}");
    assert!(!ended.stderr.contains("new shell"), "{ended:?}");
    for words in [
        "--user daemon-reload",
        "--user enable --now safe-compose-backup-",
        "--user disable --now safe-compose-backup-",
    ] {
        assert!(said.contains(words), "{said}");
    }
    fs::remove_file(&calls).expect("removed");
    assert_eq!(machine.tree(), before);

    // Without a user, a service of the system has no home.
    let ended = machine.succeed("setup timer --all --system --yes");
    assert!(!ended.stderr.contains("enable-linger"), "{ended:?}");
    let service = machine.at("system/etc/systemd/system/safe-compose-backup-all.service");
    let service = fs::read_to_string(service).expect("written");
    assert!(service.contains("\nUser=root\n") && service.ends_with("backup --all --quiet\n"), "{service}");
    machine.succeed("setup remove --system --yes");
    fs::remove_file(calls).expect("removed");
    assert_eq!(machine.tree(), before);
}

#[test]
fn cron_backs_up_the_project_where_there_is_no_systemd() {
    let machine = Machine::new();
    assert!(machine.run("setup timer --yes").stderr.contains("has no Compose file"));
    write(&machine.at("project/compose.yaml"), "services: {}\n", 0o644);
    assert!(machine.run("setup timer --yes").stderr.contains("neither systemd nor cron"));
    let table = machine.at("table");
    let crontab = format!(
        "#!/bin/sh\ncase $1 in -l) cat {0} ;; -) cat > {0}.new && mv {0}.new {0} ;; -r) rm {0} ;; esac\n",
        table.display()
    );
    write(&machine.at("bin/crontab"), crontab, 0o755);
    write(&table, "0 1 * * * mine\n", 0o644);
    leaves_no_trace(&machine, &["setup timer --yes"], "setup remove --yes");
    machine.succeed("setup timer --every hourly --yes");
    let lines = fs::read_to_string(&table).expect("read");
    assert!(lines.starts_with("0 1 * * * mine\n") && lines.contains("17 * * * * /"), "{lines}");

    fs::create_dir_all(machine.at("system/etc/cron.d")).expect("made");
    leaves_no_trace(&machine, &["setup timer --system --yes"], "setup remove --system --yes");
    machine.succeed("setup timer --all --system --yes");
    let job = fs::read_to_string(machine.at("system/etc/cron.d/safe-compose-backup-all")).expect("read");
    assert!(
        job.starts_with("17 3 * * * root /") && job.ends_with("/safe-compose backup --all --quiet\n"),
        "{job}"
    );
}

#[test]
fn what_cannot_be_installed_changes_nothing() {
    let mut machine = Machine::new();
    let before = machine.tree();
    for (line, why) in [
        ("setup hooks --yes", "in no Git repository"),
        ("setup hooks --system --yes", "not installed for all users"),
        ("setup alias nushell --system --yes", "not installed for all users"),
    ] {
        let ended = machine.run(line);
        assert_eq!(ended.code, 69, "{line}: {ended:?}");
        assert!(ended.stderr.contains(why), "{line}: {ended:?}");
    }
    machine.env.shell = Some("/bin/tcsh".into());
    assert!(machine.run("setup alias --yes").stderr.contains("no alias for `tcsh`"));
    assert_eq!(machine.tree(), before);
}

/// systemd starts services with a `PATH` of its own, in which a command may be another one than in a shell.
#[test]
fn services_of_systemd_are_asked_through_systemd() {
    let machine = Machine::new();
    let answer = || {
        let ended = machine.succeed("setup status --format json");
        let status: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let rows = status["commands"].as_array().expect("a list").clone();
        let row =
            rows.iter().find(|row| row["from"] == "a systemd service" && row["command"] == "docker-compose");
        row.map(|row| (row["answer"].as_str().expect("a word").to_owned(), row["reason"].clone()))
    };
    let starter = format!(
        "#!/bin/sh\nwhile [ \"$1\" != /bin/sh ]; do shift; done\nexec env -i PATH={}:/usr/bin:/bin \"$@\"\n",
        machine.at("services").display()
    );
    write(&machine.at("bin/systemd-run"), starter, 0o755);
    assert_eq!(answer(), None, "systemd does not run this machine");
    fs::create_dir_all(machine.at("system/run/systemd/system")).expect("made");
    let program = machine.at("services/docker-compose");
    fake_compose(&program);
    assert_eq!(answer(), Some(("not-guarded".to_owned(), Value::Null)));
    let text = machine.succeed("setup status").stdout;
    assert!(
        text.contains("`docker-compose` in a systemd service: run `safe-compose setup --system`"),
        "{text}"
    );
    fs::remove_file(&program).expect("removed");
    symlink(env!("CARGO_BIN_EXE_safe-compose"), &program).expect("linked");
    assert_eq!(answer(), Some(("guarded".to_owned(), Value::Null)));
    write(&machine.at("bin/systemd-run"), "#!/bin/sh\nexit 1\n", 0o755);
    let (word, reason) = answer().expect("asked");
    assert_eq!(word, "unknown");
    assert!(reason.as_str().is_some_and(|why| why.contains("does not run services")), "{reason}");
}

/// The program as `docker compose`, asked through a client that starts plugins as `docker` does.
#[test]
fn the_status_is_found_out_by_asking() {
    let root = tempfile::tempdir().expect("a directory");
    let at = |name: &str| root.path().join(name);
    let client = "#!/bin/sh\nshift\nexport DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND=docker\nexec \"$HOME/.docker/cli-plugins/docker-compose\" compose \"$@\"\n";
    write(&at("bin/docker"), client, 0o755);
    fake_compose(&at("bin/docker-compose"));
    fake_compose(&at("home/.docker/cli-plugins/docker-compose"));
    let answers = || {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_safe-compose"));
        command
            .env_clear()
            .env("HOME", at("home"))
            .env("SHELL", "/bin/bash")
            .env("PATH", format!("{}:/usr/bin:/bin", at("bin").display()))
            .args(["setup", "status", "--format", "json"]);
        let output = command.output().expect("it runs");
        let value: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
        let commands = value["commands"].as_array().expect("a list").clone();
        let answer = |command: &str, from: &str| {
            let found = commands.iter().find(|row| row["command"] == command && row["from"] == from);
            found.map(|row| row["answer"].as_str().expect("a word").to_owned())
        };
        (
            answer("docker compose", "a script"),
            answer("docker-compose", "a script"),
            value["bypasses"].to_string(),
        )
    };
    let is = |word: &str| Some(word.to_owned());
    let (plugin, program, bypasses) = answers();
    assert_eq!((plugin, program), (is("not-guarded"), is("not-guarded")));
    assert!(bypasses.contains(&*at("bin/docker-compose").to_string_lossy()), "{bypasses}");
    for place in [at("home/.docker/cli-plugins/docker-compose"), at("bin/docker-compose")] {
        fs::remove_file(&place).expect("removed");
        symlink(env!("CARGO_BIN_EXE_safe-compose"), &place).expect("linked");
    }
    let (plugin, program, _) = answers();
    assert_eq!((plugin, program), (is("guarded"), is("guarded")));
    fs::remove_file(at("bin/docker-compose")).expect("removed");
    fs::remove_file(at("home/.docker/cli-plugins/docker-compose")).expect("removed");
    assert_eq!(answers().0, is("absent"));
}
