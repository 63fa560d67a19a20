//! A server for restic's REST protocol that fails as the test wants. What it stores, restic can read.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

/// How a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerFault {
    Status(u16),
    /// Nothing is answered, and the connection stays.
    Stall,
    /// The connection is closed without an answer.
    Close,
    /// The answer is shorter than it says, and then the connection is closed.
    ShortAnswer,
    /// The whole file is sent where a part was asked for.
    WholeFile,
    /// Half of the request is read, and then the connection is closed.
    HalfRequest,
    /// It is done, and the connection is closed without an answer.
    LostAnswer,
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) is_range: bool,
    /// How often the same was asked for before, since the faults were chosen.
    pub(crate) before: usize,
    /// In lower case.
    headers: BTreeMap<String, String>,
}

type Faults = Box<dyn Fn(&Asked) -> Option<ServerFault> + Send>;

struct State {
    directory: PathBuf,
    faults: Faults,
    seen: BTreeMap<(String, String), usize>,
    /// The header of the only account.
    account: Option<String>,
    is_append_only: bool,
}

/// A server on a port of its own.
pub(crate) struct RestStandIn {
    /// `127.0.0.1:PORT`
    pub(crate) address: String,
    pub(crate) directory: PathBuf,
    state: Arc<Mutex<State>>,
    _directory: TempDir,
}

impl RestStandIn {
    pub(crate) fn start() -> Self {
        let temporary = tempfile::tempdir().expect("a directory");
        let directory = temporary.path().join("repository");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let state = Arc::new(Mutex::new(State {
            directory: directory.clone(),
            faults: Box::new(|_| None),
            seen: BTreeMap::new(),
            account: None,
            is_append_only: false,
        }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&shared);
                let stream = stream.expect("a connection");
                // A client that goes away is part of the tests.
                std::thread::spawn(move || drop(serve(&stream, &state)));
            }
        });
        Self { address, directory, state, _directory: temporary }
    }

    /// Chooses which requests fail from now on.
    pub(crate) fn fails(&self, faults: impl Fn(&Asked) -> Option<ServerFault> + Send + 'static) {
        let mut state = self.state.lock().expect("sound");
        state.faults = Box::new(faults);
        state.seen.clear();
    }

    /// From now on, files are only added, except for locks.
    pub(crate) fn only_adds(&self) {
        self.state.lock().expect("sound").is_append_only = true;
    }

    /// The value that the header `Authorization` has to have.
    pub(crate) fn requires(&self, account: &str) {
        self.state.lock().expect("sound").account = Some(account.to_owned());
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut asked = head(&mut reader)?;
    let fault = {
        let mut state = state.lock().expect("sound");
        let seen = state.seen.entry((asked.method.clone(), asked.path.clone())).or_default();
        asked.before = *seen;
        *seen += 1;
        (state.faults)(&asked)
    };
    let length = asked.headers.get("content-length").map_or(0, |text| text.parse().expect("a number"));
    match fault {
        Some(ServerFault::Close) => return Ok(()),
        Some(ServerFault::Stall) => {
            // Until the client gives up.
            return std::io::copy(&mut reader, &mut std::io::sink()).map(drop);
        }
        Some(ServerFault::HalfRequest) => {
            return reader.read_exact(&mut vec![0; length / 2]);
        }
        _ => {}
    }
    let mut content = vec![0; length];
    reader.read_exact(&mut content)?;
    let (mut status, mut body) = match fault {
        Some(ServerFault::Status(status)) => (status, b"as the test wants\n".to_vec()),
        _ => state.lock().expect("sound").answer(&asked, &content),
    };
    if let Some(range) = asked.headers.get("range")
        && status == 200
        && fault != Some(ServerFault::WholeFile)
    {
        let range = range.strip_prefix("bytes=").and_then(|both| both.split_once('-')).expect("a range");
        let (first, last): (usize, usize) =
            (range.0.parse().expect("a number"), range.1.parse().expect("a number"));
        body = body[first..=last].to_vec();
        status = 206;
    }
    let said = body.len();
    match fault {
        Some(ServerFault::LostAnswer) => return Ok(()),
        Some(ServerFault::ShortAnswer) => body.truncate(said / 2),
        _ => {}
    }
    respond(stream, &asked, status, (said, &body))
}

fn respond(
    mut stream: &TcpStream,
    asked: &Asked,
    status: u16,
    (said, body): (usize, &[u8]),
) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: {said}\r\nconnection: close\r\n\r\n")?;
    if asked.method == "HEAD" { Ok(()) } else { stream.write_all(body) }
}

fn head(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Asked> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut words = lines.first().map(String::as_str).unwrap_or_default().split(' ').map(str::to_owned);
    let headers = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<String, String> =
        headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    Ok(Asked {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        is_range: headers.contains_key("range"),
        before: 0,
        headers,
    })
}

impl State {
    fn answer(&self, asked: &Asked, content: &[u8]) -> (u16, Vec<u8>) {
        if self.account.is_some() && self.account.as_ref() != asked.headers.get("authorization") {
            return (401, b"who are you\n".to_vec());
        }
        if asked.path == "/?create=true" {
            for kind in ["data", "index", "keys", "locks", "snapshots"] {
                fs::create_dir_all(self.directory.join(kind)).expect("made");
            }
            return (200, Vec::new());
        }
        let path = self.file(&asked.path);
        match asked.method.as_str() {
            "GET" if asked.path.ends_with('/') => {
                assert_eq!(asked.headers["accept"], "application/vnd.x.restic.rest.v2");
                (200, list(&path).into_bytes())
            }
            "HEAD" | "GET" => fs::read(&path).map_or((404, Vec::new()), |content| (200, content)),
            // As rclone and rest-server do.
            "POST" if path.exists() => (403, b"there is such a file\n".to_vec()),
            "POST" => {
                fs::create_dir_all(path.parent().expect("it is below the directory")).expect("made");
                fs::write(&path, content).expect("written");
                (200, Vec::new())
            }
            "DELETE" if self.is_append_only && !asked.path.starts_with("/locks/") => (403, Vec::new()),
            "DELETE" => fs::remove_file(&path).map_or((404, Vec::new()), |()| (200, Vec::new())),
            other => panic!("no method: {other}"),
        }
    }

    /// Packs are in directories by the first two digits of their names, as restic has them.
    fn file(&self, path: &str) -> PathBuf {
        match path.strip_prefix("/data/").filter(|name| !name.is_empty()) {
            Some(name) => self.directory.join("data").join(&name[..2]).join(name),
            None => self.directory.join(path.trim_start_matches('/')),
        }
    }
}

fn list(directory: &Path) -> String {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().map(|entry| entry.expect("an entry")) {
            let meta = entry.metadata().expect("there");
            if meta.is_dir() {
                directories.push(entry.path());
            } else {
                let name = entry.file_name().to_string_lossy().into_owned();
                files.push(serde_json::json!({ "name": name, "size": meta.len() }));
            }
        }
    }
    if files.is_empty() { "null".to_owned() } else { serde_json::Value::from(files).to_string() }
}
