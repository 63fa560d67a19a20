//! Short questions to the engine, straight to its socket: a trial asks many, and starting `docker` for each takes longer
//! than the answer.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};

use crate::support::bare::SOCKET;

/// The answer, or `None` when the engine says no.
pub fn get(path: &str) -> Option<Value> {
    serde_json::from_slice(&request("GET", path, "")?).ok()
}

pub fn bytes(path: &str) -> Option<Vec<u8>> {
    request("GET", path, "")
}

pub fn post(path: &str, body: &Value) -> Option<Value> {
    serde_json::from_slice(&request("POST", path, &body.to_string())?).ok()
}

pub fn delete(path: &str) {
    let _ = request("DELETE", path, "");
}

/// `filters=…` for one filter.
pub fn filters(name: &str, value: &str) -> String {
    let filter = json!({ name: [value] }).to_string();
    let escaped = filter.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"));
    format!("filters={escaped}")
}

/// HTTP/1.0, so that the answer ends where the connection does.
fn request(method: &str, path: &str, body: &str) -> Option<Vec<u8>> {
    let mut stream = UnixStream::connect(SOCKET.trim_start_matches("unix://")).expect("an engine");
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("written");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("read");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let status = String::from_utf8_lossy(&answer[..end]).split(' ').nth(1)?.to_owned();
    status.starts_with('2').then(|| answer.split_off(end + 4))
}
