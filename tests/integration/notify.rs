//! Notifications, sent to a server of the test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::messages::scene::{Scene, typed};

/// A request as the server got it.
#[derive(Debug, Clone)]
struct Received {
    line: String,
    /// In lower case.
    headers: Vec<String>,
    body: String,
}

impl Received {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// Answers every request with one status, and keeps the requests.
struct Server {
    address: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let request = read(&stream);
                kept.lock().expect("sound").push(request);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Self { address, received }
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().expect("sound").clone()
    }
}

fn read(stream: &TcpStream) -> Received {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let headers: Vec<String> = lines[1..].iter().map(|line| line.to_lowercase()).collect();
    let length = headers.iter().find_map(|header| header.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
    reader.read_exact(&mut body).expect("a body");
    Received { line: lines[0].clone(), headers, body: String::from_utf8(body).expect("text") }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const REDIRECT: &str =
    "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const UNAUTHORIZED: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A project whose notifications the user has agreed to.
fn scene(targets: &Value) -> Scene {
    let mut scene = Scene::shop()
        .with_settings(&json!({ "notify": targets }))
        .with_file("token", "hunter2\n")
        .at_terminal(&[typed("shop")]);
    scene.prepare("trust");
    scene.without_terminal()
}

#[test]
fn a_webhook_gets_the_event() {
    let server = Server::start(OK);
    let url = format!("http://{}/events?x=1", server.address);
    let scene = scene(&json!([{ "kind": "webhook", "url": url, "token_file": "token" }]));
    assert_eq!(scene.attempt("backup").exit, 0);
    assert!(server.received().is_empty(), "by default, only of what went wrong");
    assert_eq!(scene.attempt("down -v").exit, 77);
    let received = server.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].line, "POST /events?x=1 HTTP/1.1");
    assert!(received[0].headers.contains(&"authorization: bearer hunter2".to_owned()), "{received:?}");
    assert!(received[0].headers.contains(&"content-type: application/json".to_owned()), "{received:?}");
    let event = received[0].json();
    assert_eq!((&event["event"], &event["project"]), (&json!("on_refusal"), &json!("shop")));
    assert_eq!(event["error"]["exit_code"], json!(77));
}

#[test]
fn ntfy_gets_a_message_for_its_topic() {
    let server = Server::start(OK);
    let url = format!("http://{}/my-topic", server.address);
    let scene = scene(&json!([{ "kind": "ntfy", "url": url }]));
    scene.attempt("down -v");
    let received = server.received();
    assert_eq!(received[0].line, "POST / HTTP/1.1");
    assert!(!received[0].headers.iter().any(|header| header.starts_with("authorization")));
    let message = received[0].json();
    assert_eq!((&message["topic"], &message["priority"]), (&json!("my-topic"), &json!(3)));
    assert!(message["title"].as_str().expect("text").ends_with(": a command was refused"), "{message}");
    assert!(message["message"].as_str().expect("text").contains("Command: down -v"), "{message}");
}

#[test]
fn gotify_gets_a_message_with_its_key() {
    let server = Server::start(OK);
    let url = format!("http://{}/gotify/", server.address);
    let scene = scene(&json!([{ "kind": "gotify", "url": url, "token_file": "token" }]));
    scene.attempt("verify");
    let scene = scene.with_new_engine();
    assert_eq!(scene.attempt("verify").exit, 76);
    let received = server.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].line, "POST /gotify/message HTTP/1.1");
    assert!(received[0].headers.contains(&"x-gotify-key: hunter2".to_owned()), "{received:?}");
    assert_eq!(received[0].json()["priority"], json!(10));
}

#[test]
fn healthchecks_gets_pings() {
    let server = Server::start(OK);
    let url = format!("http://{}/ping/uuid", server.address);
    let settings = json!([{ "kind": "healthchecks", "url": url }]);
    let scene = scene(&settings);
    let lines = || server.received().into_iter().map(|request| request.line).collect::<Vec<_>>();
    assert_eq!(scene.attempt("backup").exit, 0);
    assert_eq!(lines(), ["POST /ping/uuid/start HTTP/1.1", "POST /ping/uuid HTTP/1.1"]);
    scene.engine.fail(safe_compose::engine::memory::EngineMethod::ReadArchive);
    assert_eq!(scene.attempt("backup").exit, 74);
    assert_eq!(lines()[2..], ["POST /ping/uuid/start HTTP/1.1", "POST /ping/uuid/fail HTTP/1.1"]);
    assert!(server.received()[3].body.contains("could not be backed up"));
}

#[test]
fn a_failure_is_a_warning_without_the_url() {
    let (refusing, redirecting) = (Server::start(UNAUTHORIZED), Server::start(REDIRECT));
    // Nobody accepts the connection.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let hook = |address: &str| {
        json!({
            "kind": "webhook", "url": format!("http://me:hunter2@{address}/hunter2?q=hunter2"),
            "events": ["after_backup"], "timeout": 1,
        })
    };
    let scene = scene(&json!([
        hook(&refusing.address),
        hook(&redirecting.address),
        hook(&silent.local_addr().expect("an address").to_string()),
        hook(&closed.to_string()),
        { "kind": "webhook", "url": "http://127.0.0.1:1/", "events": ["after_backup"], "token_file": "missing" },
        { "kind": "webhook", "url": "http://127.0.0.1:1/", "events": ["after_backup"], "token_env": "NO_SUCH_TOKEN" },
    ]));
    let started = Instant::now();
    let attempt = scene.attempt("backup");
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert_eq!(attempt.exit, 0, "{}", attempt.printed);
    let printed: String = attempt.printed.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        "`notify[0]` was not told of `after_backup`: `127.0.0.1` answered 401 Unauthorized.",
        "`notify[1]` was not told of `after_backup`: `127.0.0.1` answered 302 Found.",
        "`notify[2]` was not told of `after_backup`: `127.0.0.1` cannot be reached",
        "`notify[3]` was not told of `after_backup`: `127.0.0.1` cannot be reached",
        "`notify[4]` was not told of `after_backup`: the token cannot be read from `",
        "`notify[5]` was not told of `after_backup`: `NO_SUCH_TOKEN`, which has the token, is not set.",
    ] {
        assert!(printed.contains(said), "{said}\n{printed}");
    }
    assert!(!printed.contains("hunter2"), "{printed}");
}

#[test]
fn nobody_is_told_without_an_agreement() {
    let server = Server::start(OK);
    let url = format!("http://{}/x", server.address);
    let scene = Scene::shop().with_settings(&json!({ "notify": [{ "kind": "webhook", "url": url }] }));
    let printed = scene.attempt("down -v").printed;
    assert!(printed.contains("`notify[0]` in the Compose file is inactive"), "{printed}");
    assert!(server.received().is_empty());
    let shown = scene.attempt("trust --show").printed;
    assert!(shown.contains(&format!("contacts `http://{}/…` (kind: webhook)", server.address)), "{shown}");
}
