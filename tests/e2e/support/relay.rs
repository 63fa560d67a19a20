//! Stands between us and the engine, and withholds the rest of the response to one kind of request until it is released:
//! what waits for it waits as long as a test needs, however fast the machine is.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::bare::SOCKET;

/// How much of a response the engine has sent when it is withheld, in bytes. What comes later than that, and than the
/// buffers of the sockets, the engine has not read yet.
const SENT: usize = 256 * 1024;

pub struct Relay {
    directory: tempfile::TempDir,
    switches: Arc<Switches>,
}

#[derive(Default)]
struct Switches {
    holds: AtomicBool,
    released: AtomicBool,
}

impl Relay {
    /// Passes on everything except the responses to requests with this in their first line.
    pub fn withholding(request: &'static str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let listener = UnixListener::bind(directory.path().join("sock")).expect("a socket");
        let switches = Arc::new(Switches::default());
        let known = Arc::clone(&switches);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(engine) = UnixStream::connect(SOCKET.trim_start_matches("unix://")) else { continue };
                relay(client, engine, request, &known);
            }
        });
        Self { directory, switches }
    }

    pub fn url(&self) -> String {
        format!("unix://{}", self.directory.path().join("sock").display())
    }

    /// Whether a response is being withheld, or was since the last call.
    pub fn has_held(&self) -> bool {
        self.switches.holds.swap(false, Ordering::SeqCst)
    }

    /// Passes on what is withheld, and everything from now on.
    pub fn release(&self) {
        self.switches.released.store(true, Ordering::SeqCst);
    }
}

fn relay(client: UnixStream, engine: UnixStream, request: &'static str, switches: &Arc<Switches>) {
    let (mut from, mut to) = (client.try_clone().expect("a copy"), engine.try_clone().expect("a copy"));
    let (is_held, is_gone) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (holding, gone, switches) = (Arc::clone(&is_held), Arc::clone(&is_gone), Arc::clone(switches));
    std::thread::spawn(move || {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]);
            if text.lines().next().is_some_and(|line| line.contains(request)) {
                holding.store(true, Ordering::SeqCst);
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        // Who asked has gone, or will ask no more.
        gone.store(true, Ordering::SeqCst);
        let _ = to.shutdown(if holding.load(Ordering::SeqCst) { Shutdown::Both } else { Shutdown::Write });
    });
    std::thread::spawn(move || {
        let (mut engine, mut client) = (engine, client);
        let mut buffer = vec![0; 16 * 1024];
        let mut kept = Vec::new();
        let mut sent = 0;
        let mut ended = false;
        while !ended {
            let count = engine.read(&mut buffer).unwrap_or(0);
            ended = count == 0;
            if is_held.load(Ordering::SeqCst) && !switches.released.load(Ordering::SeqCst) {
                sent += count;
                if sent < SENT && !ended {
                    // Who asked waits for the beginning with a time limit. The last part stays back: it may be the end.
                    if client.write_all(&kept).is_err() {
                        return;
                    }
                    kept.clear();
                    kept.extend_from_slice(&buffer[..count]);
                    continue;
                }
                switches.holds.store(true, Ordering::SeqCst);
                while !switches.released.load(Ordering::SeqCst) {
                    if is_gone.load(Ordering::SeqCst) {
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
            kept.extend_from_slice(&buffer[..count]);
            if client.write_all(&kept).is_err() {
                return;
            }
            kept.clear();
        }
        let _ = client.shutdown(Shutdown::Write);
    });
}
