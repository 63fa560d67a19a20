//! Stands between us and the engine, and withholds the response to one kind of request: what waits for it waits as long
//! as a test needs, however fast the machine is.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::bare::SOCKET;

pub struct Relay {
    directory: tempfile::TempDir,
    holds: Arc<AtomicBool>,
}

impl Relay {
    /// Passes on everything except the responses to requests with this in their first line.
    pub fn withholding(request: &'static str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let listener = UnixListener::bind(directory.path().join("sock")).expect("a socket");
        let holds = Arc::new(AtomicBool::new(false));
        let known = Arc::clone(&holds);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(engine) = UnixStream::connect(SOCKET.trim_start_matches("unix://")) else { continue };
                relay(client, engine, request, &known);
            }
        });
        Self { directory, holds }
    }

    pub fn url(&self) -> String {
        format!("unix://{}", self.directory.path().join("sock").display())
    }

    /// Whether a response is being withheld, or was since the last call.
    pub fn has_held(&self) -> bool {
        self.holds.swap(false, Ordering::SeqCst)
    }
}

fn relay(client: UnixStream, engine: UnixStream, request: &'static str, holds: &Arc<AtomicBool>) {
    let (mut from, mut to) = (client.try_clone().expect("a copy"), engine.try_clone().expect("a copy"));
    let is_held = Arc::new(AtomicBool::new(false));
    let (is_held_here, holds) = (Arc::clone(&is_held), Arc::clone(holds));
    std::thread::spawn(move || {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]);
            if text.lines().next().is_some_and(|line| line.contains(request)) {
                is_held_here.store(true, Ordering::SeqCst);
                holds.store(true, Ordering::SeqCst);
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        // Who asked has gone, or will ask no more.
        let _ =
            to.shutdown(if is_held_here.load(Ordering::SeqCst) { Shutdown::Both } else { Shutdown::Write });
    });
    std::thread::spawn(move || {
        let (mut engine, mut client) = (engine, client);
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = engine.read(&mut buffer) {
            if is_held.load(Ordering::SeqCst) {
                // Reads on, so that the end of the connection is noticed; the client waits.
                continue;
            }
            if client.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        if !is_held.load(Ordering::SeqCst) {
            let _: io::Result<()> = client.shutdown(Shutdown::Write);
        }
    });
}
