//! Finds the real Compose among files that only look like it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use safe_compose::compose::binary::{MARKER, NotFound, Skipped, locate};
use safe_compose::compose::grammar::Grammar;
use safe_compose::env::Env;

use crate::support::{fake_compose, real_compose, write};

/// An empty system: nothing on `PATH`, no plugins.
struct System {
    root: tempfile::TempDir,
    env: Env,
}

impl System {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let at = |name: &str| root.path().join(name);
        write(&at("own/safe-compose"), format!("\x7fELF {MARKER}"), 0o755);
        fs::create_dir_all(at("home")).expect("made");
        let env = Env {
            path: Some(OsString::from(format!("{}:{}", at("bin").display(), at("bin2").display()))),
            home: Some(at("home")),
            system_root: Some(at("system")),
            current_dir: at("home"),
            executable: Some(at("own/safe-compose")),
            ..Env::default()
        };
        Self { root, env }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn fake(&self, name: &str) -> PathBuf {
        fake_compose(&self.at(name));
        self.at(name)
    }

    fn locate_as(&self, called_as: &str) -> Result<PathBuf, NotFound> {
        locate(&self.env, OsStr::new(called_as)).map(|binary| binary.path)
    }

    fn locate(&self) -> Result<PathBuf, NotFound> {
        self.locate_as("safe-compose")
    }
}

const HOME_PLUGIN: &str = "home/.docker/cli-plugins/docker-compose";
const SYSTEM_PLUGIN: &str = "system/usr/libexec/docker/cli-plugins/docker-compose";

#[test]
fn the_name_we_are_called_by_decides_where_to_look_first() {
    let mut system = System::new();
    let on_path = system.fake("bin2/docker-compose");
    let plugin = system.fake(SYSTEM_PLUGIN);
    assert_eq!(system.locate_as("safe-compose"), Ok(plugin.clone()));
    assert_eq!(system.locate_as("/x/docker-compose"), Ok(on_path.clone()));
    system.env.plugin_caller = Some("/usr/bin/docker".into());
    assert_eq!(system.locate_as("/x/docker-compose"), Ok(plugin.clone()));

    fs::remove_file(plugin).expect("removed");
    let error = system.locate().expect_err("no plugin is left");
    assert_eq!(error.to_string(), "no `docker-compose` in the plugin directories of docker");
    system.env.plugin_caller = None;
    assert_eq!(system.locate_as("safe-compose"), Ok(on_path.clone()));
    fs::remove_file(on_path).expect("removed");
    let error = system.locate().expect_err("nothing is left");
    assert_eq!(error.to_string(), "no `docker-compose` in the plugin directories of docker or on `PATH`");
}

const V1: &str = "#!/nowhere/python3\n__requires__ = 'docker-compose==1.29.2'\n";

#[test]
fn a_plugin_never_stands_in_for_a_program_of_the_path_or_for_compose_v1() {
    let mut system = System::new();
    system.env.plugin_caller = Some("/usr/bin/docker".into());
    write(&system.at("bin/docker-compose"), V1, 0o755);
    system.fake("bin2/docker-compose");
    assert_eq!(system.locate_as("docker-compose").expect_err("no plugin").skipped, []);
    write(&system.at(HOME_PLUGIN), V1, 0o755);
    let error = system.locate_as("docker-compose").expect_err("no plugin");
    assert_eq!(error.skipped, [(system.at(HOME_PLUGIN), Skipped::NoPlugin)]);
    let real = system.fake(SYSTEM_PLUGIN);
    assert_eq!(system.locate_as("docker-compose"), Ok(real));

    system.env.plugin_caller = None;
    assert_eq!(system.locate_as("docker-compose"), Ok(system.at("bin/docker-compose")));
}

/// What `setup` has moved aside is used in its place, and nothing else is looked for there.
#[test]
fn a_file_that_is_kept_beside_us_has_its_old_rank() {
    let mut system = System::new();
    system.fake(SYSTEM_PLUGIN);
    let kept_plugin = system.fake("home/.docker/cli-plugins/.safe-compose/docker-compose");
    let kept_program = system.fake("bin/.safe-compose/docker-compose");
    system.fake("bin2/docker-compose");
    assert_eq!(system.locate(), Ok(system.at(SYSTEM_PLUGIN)));
    assert_eq!(system.locate_as("docker-compose"), Ok(system.at("bin2/docker-compose")));

    for place in [HOME_PLUGIN, "bin/docker-compose"] {
        let place = system.at(place);
        fs::create_dir_all(place.parent().expect("a directory")).expect("made");
        symlink(system.at("own/safe-compose"), place).expect("linked");
    }
    assert_eq!(system.locate(), Ok(kept_plugin.clone()));
    assert_eq!(system.locate_as("docker-compose"), Ok(kept_program));
    system.env.plugin_caller = Some("/usr/bin/docker".into());
    assert_eq!(system.locate_as("docker-compose"), Ok(kept_plugin.clone()));

    // A link that is kept leads where it led before it was moved.
    fs::rename(&kept_plugin, system.at("home/.docker/real")).expect("moved");
    symlink("../real", &kept_plugin).expect("linked");
    let found = system.locate_as("docker-compose").expect("it is there");
    assert_eq!(fs::canonicalize(found).expect("there"), system.at("home/.docker/real"));
}

#[test]
fn plugin_directories_are_searched_in_dockers_order() {
    let mut system = System::new();
    let last = system.fake(SYSTEM_PLUGIN);
    assert_eq!(system.locate(), Ok(last));
    let earlier = system.fake("system/usr/local/lib/docker/cli-plugins/docker-compose");
    assert_eq!(system.locate(), Ok(earlier));
    let home = system.fake(HOME_PLUGIN);
    assert_eq!(system.locate(), Ok(home));
    let extra = system.fake("extra/docker-compose");
    let config = format!("{{\"cliPluginsExtraDirs\": [{:?}], \"auths\": {{}}}}", system.at("extra"));
    write(&system.at("home/.docker/config.json"), config, 0o600);
    assert_eq!(system.locate(), Ok(extra));
    // Another configuration directory takes the place of both.
    let other = system.fake("other/cli-plugins/docker-compose");
    system.env.docker_config = Some(system.at("other"));
    assert_eq!(system.locate(), Ok(other));
    write(&system.at("other/config.json"), "not json", 0o600);
    assert_eq!(system.locate(), Ok(system.at("other/cli-plugins/docker-compose")));
}

#[test]
fn a_compose_that_is_named_is_the_only_one() {
    let mut system = System::new();
    system.fake(SYSTEM_PLUGIN);
    let named = system.fake("bin/my-compose");
    for name in [named.clone().into_os_string(), "my-compose".into(), "../bin/my-compose".into()] {
        system.env.compose = Some(name);
        let found = system.locate().expect("it is there");
        assert_eq!(fs::canonicalize(found).expect("there"), named);
    }
    system.env.compose = Some(system.at("nowhere").into());
    let error = system.locate().expect_err("it is not there");
    assert_eq!(error.skipped, [(system.at("nowhere"), Skipped::Missing)]);
    system.env.compose = Some(system.at("own/safe-compose").into());
    let error = system.locate().expect_err("it is us");
    assert!(error.to_string().contains("is safe-compose itself"), "{error}");
}

#[test]
fn it_never_finds_itself() {
    let system = System::new();
    let own = system.at("own/safe-compose");
    let at = system.at("bin/docker-compose");
    let real = system.fake("bin2/docker-compose");
    let skipped = |why: Skipped| {
        assert_eq!(system.locate(), Ok(real.clone()), "{why:?}");
        fs::remove_file(&real).expect("removed");
        let error = system.locate().expect_err("only ourselves are left");
        assert_eq!(error.skipped, [(at.clone(), why)]);
        fake_compose(&real);
        fs::remove_file(&at).expect("removed");
    };

    fs::create_dir_all(system.at("bin")).expect("made");
    symlink(&own, &at).expect("linked");
    skipped(Skipped::Ourselves);
    symlink(&own, system.at("own/docker-compose")).expect("linked");
    symlink(system.at("own/docker-compose"), &at).expect("linked twice");
    skipped(Skipped::Ourselves);
    fs::hard_link(&own, &at).expect("linked");
    skipped(Skipped::Ourselves);
    // Another version of us: only the marker tells.
    write(&at, format!("\x7fELF{}{MARKER}", "x".repeat(100_000)), 0o755);
    skipped(Skipped::Ourselves);
    // As large as a build without optimization.
    write(&at, format!("\x7fELF{}{MARKER}", "x".repeat(50_000_000)), 0o755);
    skipped(Skipped::Ourselves);
    write(&at, "#!/bin/sh\nexec /usr/local/bin/safe-compose \"$@\"\n", 0o755);
    skipped(Skipped::Ourselves);
    fake_compose(&at);
    fs::set_permissions(&at, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("mode");
    skipped(Skipped::NotExecutable);
    // A dangling link and a directory are nothing at all.
    symlink("nowhere", &at).expect("linked");
    assert_eq!(system.locate(), Ok(real.clone()));
    fs::remove_file(&at).expect("removed");
    fs::create_dir(&at).expect("made");
    assert_eq!(system.locate(), Ok(real));
}

#[test]
fn another_program_of_our_size_is_not_mistaken_for_us() {
    let system = System::new();
    write(&system.at("bin/docker-compose"), format!("\x7fELF{}", "x".repeat(100_000)), 0o755);
    assert_eq!(system.locate(), Ok(system.at("bin/docker-compose")));
}

#[test]
fn the_grammar_shows_or_is_asked_for() {
    let system = System::new();
    let grammar = |content: &str| {
        write(&system.at("bin/docker-compose"), content, 0o755);
        let binary = locate(&system.env, OsStr::new("safe-compose")).expect("it is there");
        (binary.grammar, binary.grammar().map_err(|error| error.to_string()))
    };
    let egg = "#!/nowhere/python3\n__requires__ = 'docker-compose==1.29.2'\n";
    assert_eq!(grammar(egg), (Some(Grammar::V1), Ok(Grammar::V1)));
    assert_eq!(
        grammar("#!/bin/sh\n[ \"$*\" = 'version --short' ] && echo 2.40.3\n"),
        (None, Ok(Grammar::V2))
    );
    assert_eq!(grammar("#!/bin/sh\necho 1.25.0\n"), (None, Ok(Grammar::V1)));
    let (_, error) = grammar("#!/bin/sh\necho what >&2; exit 1\n");
    assert!(error.expect_err("no version").ends_with("did not print a version: what"));
    assert!(grammar("#!/nowhere/sh\n").1.expect_err("cannot run").starts_with("cannot run"));
}

#[test]
fn the_real_ones_are_known_without_running_them() {
    for grammar in [Grammar::V1, Grammar::V2] {
        let Some(path) = real_compose(grammar) else { continue };
        let env = Env { compose: Some(path.into()), current_dir: Path::new("/").into(), ..Env::default() };
        let binary = locate(&env, OsStr::new("safe-compose")).expect("it is there");
        assert!(binary.grammar.is_none_or(|shown| shown == grammar));
        assert_eq!(binary.grammar().expect("it tells"), grammar);
    }
}
