//! Engines elsewhere: what is predicted is about the engine that Compose would act on, and that engine is named.
//!
//! The far engine is one of the test's own; the way to it is a stand-in for `ssh` (tests/doubles/ssh) or a TCP port that
//! leads to its socket. The machine's engine knows nothing of the project, so a plan of the wrong engine would be empty.

use std::fs;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::own_engine::{IMAGE, OwnEngine};
use crate::support::scratch::Ran;
use crate::support::tls::Authority;
use crate::support::{Compose, Scratch};

const STACK: &str = r#"
services:
  db: { image: "IMAGE", command: ["sleep", "600"], stop_signal: SIGKILL, network_mode: none, volumes: ["data:/data"] }
volumes: { data: }
"#;

/// A project on a far engine.
struct Far {
    engine: OwnEngine,
    scratch: Scratch,
    /// `PATH` with the stand-in in front.
    path: String,
}

type Environment<'a> = Vec<(&'a str, String)>;

impl Far {
    fn new(compose: Compose) -> Option<Self> {
        let engine = OwnEngine::start()?;
        let scratch = Scratch::new(compose, &STACK.replace("IMAGE", IMAGE))?.on(&engine.url());
        let double = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doubles/ssh");
        let path = format!("{}:{}", double.display(), std::env::var("PATH").expect("a path"));
        Some(Self { engine, scratch, path })
    }

    fn environment<'a>(&self, extra: &[(&'a str, &str)]) -> Environment<'a> {
        let mut all = vec![
            ("PATH", self.path.clone()),
            ("SSH_DOUBLE_ENGINE", self.engine.url()),
            ("SSH_DOUBLE_LOG", self.log().display().to_string()),
            ("DOCKER_HOST", String::new()),
        ];
        all.extend(extra.iter().map(|(name, value)| (*name, (*value).to_owned())));
        all
    }

    fn log(&self) -> PathBuf {
        self.scratch.path("ssh.log")
    }

    fn safe(&self, words: &[&str], environment: &Environment<'_>) -> Ran {
        let borrowed: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.scratch.safe_with(words, &borrowed)
    }

    fn has_volume(&self) -> bool {
        self.engine.try_docker(&["volume", "inspect", &self.scratch.volume("data")]).is_ok()
    }

    /// Plans and does a `down -v` by one way to the far engine.
    fn goes_by(&self, globals: &[&str], environment: &Environment<'_>, named: &str) {
        self.scratch.plain(&["up", "-d"]).exits(0);
        self.scratch.plain(&["exec", "-T", "db", "touch", "/data/kept"]).exits(0);
        let words = |first: &[&str]| {
            [first, globals, &["down", "-v"]].concat().iter().map(ToString::to_string).collect()
        };
        let run = |first: &[&str]| {
            let words: Vec<String> = words(first);
            self.safe(&words.iter().map(String::as_str).collect::<Vec<_>>(), environment)
        };
        let text = run(&["--safe-plan"]).exits(0).stdout;
        assert!(text.contains(named), "the plan does not name `{named}`:\n{text}");
        let plan = run(&["--safe-plan", "--safe-format=json"]).exits(0).stdout;
        let plan: Value = serde_json::from_str(&plan).expect("JSON");
        assert_eq!(plan["worst"], "destroy", "{named}: {plan}");
        assert!(plan["plan"]["engine"].as_str().is_some_and(|engine| engine.contains(named)), "{plan}");
        assert!(plan.to_string().contains(&self.scratch.volume("data")), "{named}: {plan}");

        run(&[]).exits(77).says(named);
        assert!(self.has_volume(), "{named}: refused");
        let allow = format!("--safe-allow={}", plan["token"].as_str().expect("a token"));
        run(&[&allow]).exits(0).says("verified, cold) to");
        assert!(!self.has_volume(), "{named}: Compose acts on that engine");
    }
}

/// A Docker configuration with a context of this host.
fn configuration(far: &Far, host: &str, current: bool) -> String {
    let directory = far.scratch.path("docker-config");
    let id = safe_compose::fs::Digest::of(b"away").to_string();
    let meta = directory.join("contexts/meta").join(id);
    fs::create_dir_all(&meta).expect("made");
    let json = format!(
        r#"{{"Name":"away","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}","SkipTLSVerify":false}}}}}}"#
    );
    fs::write(meta.join("meta.json"), json).expect("written");
    let config = if current { r#"{"currentContext":"away"}"# } else { "{}" };
    fs::write(directory.join("config.json"), config).expect("written");
    directory.display().to_string()
}

#[test]
fn an_engine_behind_ssh_is_judged_and_named() {
    let Some(far) = Far::new(Compose::V2) else { return };
    far.goes_by(&[], &far.environment(&[("DOCKER_HOST", "ssh://far")]), "ssh://far");
    far.goes_by(&[], &far.environment(&[("DOCKER_HOST", "ssh://me@far:2222")]), "ssh://me@far:2222");
    let config = configuration(&far, "ssh://me@far", false);
    let by_variable = far.environment(&[("DOCKER_CONFIG", &config), ("DOCKER_CONTEXT", "away")]);
    far.goes_by(&[], &by_variable, "ssh://me@far");
    let config = configuration(&far, "ssh://me@far", true);
    far.goes_by(&[], &far.environment(&[("DOCKER_CONFIG", &config)]), "ssh://me@far");
    let log = fs::read_to_string(far.log()).expect("the stand-in was called");
    assert!(log.contains("docker system dial-stdio"), "{log}");
}

/// Leads a TCP port to the engine's socket, for as long as the process lives.
fn listen(socket: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let socket = PathBuf::from(socket.trim_start_matches("unix://"));
    std::thread::spawn(move || {
        for from in listener.incoming().flatten() {
            let Ok(to) = UnixStream::connect(&socket) else { continue };
            let (mut up, mut back) = (from.try_clone().expect("a copy"), to.try_clone().expect("a copy"));
            std::thread::spawn(move || {
                let _ = io::copy(&mut up, &mut &to);
                let _ = to.shutdown(Shutdown::Write);
            });
            std::thread::spawn(move || {
                let _ = io::copy(&mut back, &mut &from);
                let _ = TcpStream::shutdown(&from, Shutdown::Both);
            });
        }
    });
    address
}

#[test]
fn an_engine_behind_a_port_is_judged_and_named() {
    for compose in [Compose::V2, Compose::V1] {
        let Some(far) = Far::new(compose) else { continue };
        let url = format!("tcp://{}", listen(&far.engine.url()));
        far.goes_by(&[], &far.environment(&[("DOCKER_HOST", &url)]), &url);
        far.goes_by(&["-H", &url], &far.environment(&[]), &url);
        if compose == Compose::V2 {
            let config = configuration(&far, &url, false);
            let environment = far.environment(&[("DOCKER_CONFIG", &config)]);
            far.goes_by(&["--context", "away"], &environment, &url);
        }
    }
}

/// Both sides show certificates, as with `dockerd --tlsverify`.
#[test]
fn an_engine_behind_tls_is_judged_with_its_certificates_and_not_without() {
    for compose in [Compose::V2, Compose::V1] {
        let Some(far) = Far::new(compose) else { continue };
        let authority = Authority::new();
        let url = format!("tcp://{}", authority.listen(&far.engine.url()));
        let ours = authority.client(&far.scratch.path("ours"));
        let strange = Authority::new().client(&far.scratch.path("strange"));
        far.scratch.plain(&["up", "-d"]).exits(0);
        for certificates in [&[][..], &[("DOCKER_TLS_VERIFY", "1"), ("DOCKER_CERT_PATH", strange.as_str())]] {
            let environment = [&[("DOCKER_HOST", url.as_str())], certificates].concat();
            far.safe(&["down", "-v"], &far.environment(&environment)).exits(69).says("Nothing was run");
            assert!(far.has_volume());
        }
        let environment = [
            ("DOCKER_HOST", url.as_str()),
            ("DOCKER_TLS_VERIFY", "1"),
            ("DOCKER_CERT_PATH", ours.as_str()),
            // V1's HTTP library would go by these instead.
            ("REQUESTS_CA_BUNDLE", ""),
            ("CURL_CA_BUNDLE", ""),
        ];
        far.goes_by(&[], &far.environment(&environment), &url);
    }
}

const BIND: &str = r#"
x-safe-compose: { services: { db: { kind: volume } } }
services:
  db: { image: "IMAGE", command: ["sleep", "600"], stop_signal: SIGKILL, network_mode: none, volumes: ["DIRECTORY/current/data:/data"] }
"#;

/// Which directory a running container has can be told only from inside it.
#[test]
fn a_directory_that_was_replaced_on_a_far_host_is_noticed() {
    let Some(engine) = OwnEngine::start() else { return };
    let Some(scratch) = Scratch::new(Compose::V2, "services: {}") else { return };
    let scratch = scratch.on(&engine.url());
    let address = format!("tcp://{}", listen(&engine.url()));
    let safe = |words: &[&str]| scratch.safe_with(words, &[("DOCKER_HOST", address.as_str())]);
    let release = |name: &str| {
        fs::create_dir_all(scratch.path(&format!("{name}/data"))).expect("made");
        let _ = fs::remove_file(scratch.path("current"));
        std::os::unix::fs::symlink(scratch.path(name), scratch.path("current")).expect("linked");
    };
    release("one");
    let image = "own:with-volume";
    engine.docker(&["create", "--network", "none", "--name", "bare", IMAGE, "sh"]);
    let project = format!("LABEL com.docker.compose.project={}", scratch.project);
    engine.docker(&["commit", "--change", "VOLUME /data", "--change", &project, "bare", image]);
    engine.docker(&["rm", "bare"]);
    let file = BIND.replace("IMAGE", image).replace("DIRECTORY", &scratch.path("").display().to_string());
    fs::write(scratch.path("docker-compose.yml"), file).expect("written");
    safe(&["up", "-d"]).exits(0);
    scratch.plain(&["exec", "-T", "db", "touch", "/data/kept"]).exits(0);
    let containers = || {
        assert_eq!(engine.docker(&["volume", "ls", "-q"]), "", "no volume is left behind");
        engine.docker(&["ps", "-aq"]).lines().count()
    };

    // The link does not matter, and nothing is left behind by looking.
    safe(&["status"]).exits(0).never_says("leads to another directory").never_says("is not known");
    safe(&["up", "-d"]).exits(0).never_says("leads to another directory");
    assert_eq!(containers(), 1);

    release("two");
    let status = safe(&["status"]).exits(0);
    assert!(status.stdout.contains("(replaced)"), "{}", status.stdout);
    status.says("leads to another directory");
    safe(&["backup"]).exits(74).says("another directory");
    safe(&["down"]).exits(77).says("--safe-allow=");
    assert_eq!(containers(), 1);

    release("one");
    safe(&["status"]).exits(0).never_says("leads to another directory");
    fs::rename(scratch.path("one/data"), scratch.path("one/away")).expect("moved");
    fs::create_dir(scratch.path("one/data")).expect("made");
    safe(&["status"]).exits(0).says("leads to another directory");
    fs::remove_dir(scratch.path("one/data")).expect("removed");
    fs::rename(scratch.path("one/away"), scratch.path("one/data")).expect("moved");
    safe(&["down", "-t", "0"]).exits(0);
    assert!(scratch.path("one/data/kept").exists());
}

/// Without a program in the image that tells, it is said that nobody knows.
#[test]
fn a_directory_on_a_far_host_that_nobody_can_tell_is_reported() {
    let Some(engine) = OwnEngine::start() else { return };
    let Some(scratch) = Scratch::new(Compose::V2, "services: {}") else { return };
    let scratch = scratch.on(&engine.url());
    let address = format!("tcp://{}", listen(&engine.url()));
    fs::create_dir_all(scratch.path("current/data")).expect("made");
    let bare = "own:without-cat";
    let copied = ["sh", "-c", "rm /bin/cat"];
    engine.docker(&[&["run", "--network", "none", "--name", "bare", IMAGE], &copied[..]].concat());
    engine.docker(&["commit", "bare", bare]);
    engine.docker(&["rm", "bare"]);
    let file = BIND.replace("IMAGE", bare).replace("DIRECTORY", &scratch.path("").display().to_string());
    fs::write(scratch.path("docker-compose.yml"), file).expect("written");
    let safe = |words: &[&str]| scratch.safe_with(words, &[("DOCKER_HOST", address.as_str())]);
    safe(&["up", "-d"]).exits(0);
    safe(&["status"])
        .exits(0)
        .says("whether `db` has the directories that its paths on the host lead to is not known");
    safe(&["down", "-t", "0"]).exits(0);
}

/// What cannot be reached is never taken for an empty engine, nor for the one of this machine.
#[test]
fn an_engine_out_of_reach_stops_what_could_destroy() {
    let Some(far) = Far::new(Compose::V2) else { return };
    far.scratch.plain(&["up", "-d"]).exits(0);
    for host in ["ssh://nowhere", "tcp://127.0.0.1:9", "ssh://far/run/other.sock", "npipe:////./pipe/docker"]
    {
        let environment = far.environment(&[("DOCKER_HOST", host)]);
        for words in [
            &["down", "-v"][..],
            &["rm", "-fsv"],
            &["--safe-plan", "down", "-v"],
            &["--safe-allow=0123456789ab", "down", "-v"],
        ] {
            let ran = far.safe(words, &environment).exits(69);

            assert!(ran.stderr.contains(host), "{host} is not named:\n{}", ran.stderr);
        }
    }
    let unknown = far.environment(&[("DOCKER_HOST", "ssh://nowhere")]);
    far.safe(&["down", "-v"], &unknown).exits(69).says("Could not resolve hostname nowhere");
    assert!(far.has_volume());
}
