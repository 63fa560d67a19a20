//! What answers at the address of the engine is none, or is broken.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::{COMMANDS, sound, words};
use crate::command_line::Stage;

/// What a stand-in does with a connection, once it has read a request.
type Answer = fn(&mut TcpStream);

const ANSWERS: &[(&str, Answer)] = &[
    ("nothing", |stream| {
        // Until the client gives up.
        let _ = stream.read(&mut [0]);
    }),
    ("another protocol", |stream| {
        say(stream, "SSH-2.0-OpenSSH_9.2\r\n");
    }),
    ("a web page", |stream| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>");
    }),
    ("an error", |stream| {
        say(
            stream,
            "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 33\r\n\r\n{\"message\":\"\\u001b[2Jno\\r\\nidea\"}",
        );
    }),
    ("half of the headers", |stream| {
        say(stream, "HTTP/1.1 200 OK\r\nConte");
    }),
    ("half of the body", |stream| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"ApiVersion\"");
    }),
    ("a body that stops", |stream| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"ApiVersion\"");
        let _ = stream.read(&mut [0]);
    }),
    ("a body without end", |stream| {
        say(stream, "HTTP/1.1 200 OK\r\n\r\n");
        let spaces = vec![b' '; 1 << 20];
        while stream.write_all(&spaces).is_ok() {}
    }),
    ("an answer to another question", |stream| {
        say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{\"ApiVersion\":\"banana\"}");
    }),
];

fn say(stream: &mut TcpStream, text: &str) {
    // The client may have gone.
    let _ = stream.write_all(text.as_bytes());
}

/// Answers every connection like this, until the tests end.
fn engine(answer: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            thread::spawn(move || {
                let mut request = [0; 4096];
                if stream.read(&mut request).is_ok_and(|read| read > 0) {
                    answer(&mut stream);
                }
            });
        }
    });
    format!("tcp://{address}")
}

/// A harmless command is Compose's own affair; each of ours ends by itself, and says that it is the engine.
#[test]
fn every_command_ends_and_says_that_it_is_the_engine() {
    let urls: Vec<_> = ANSWERS.iter().map(|(what, answer)| (*what, engine(*answer))).collect();
    thread::scope(|scope| {
        for (what, url) in &urls {
            for commands in COMMANDS.chunks(4) {
                scope.spawn(move || commands.iter().for_each(|command| ends_and_says_so(what, url, command)));
            }
        }
    });
}

fn ends_and_says_so(what: &str, url: &str, command: &[&str]) {
    let stage = Stage::new();
    let mut run = stage.command(command);
    run.env("DOCKER_HOST", url).env("SAFE_COMPOSE_TEST_ENGINE_TIMEOUT", "1");
    let output = run.output().expect("it runs");
    let line = words(command);
    let code = sound(&format!("{what}: {line}"), &output);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains('\u{1b}') && !said.contains('\r'), "{what}: {line}: {said:?}");
    if needs_engine(command) {
        assert_eq!(code, 69, "{what}: {line}: {said}");
        assert!(said.contains("the Docker Engine cannot be used"), "{what}: {line}: {said}");
    }
}

fn needs_engine(command: &[&str]) -> bool {
    matches!(command.first(), Some(&"backup" | &"restore" | &"down"))
}

/// The address of the engine is part of messages, plans and manifests.
#[test]
fn a_password_in_the_address_is_refused_and_not_printed() {
    for host in [
        "tcp://me:hunter2@127.0.0.1:9",
        "me:hunter2@127.0.0.1:9",
        "ssh://me:hunter2@localhost",
        "https://hunter2@x/y",
    ] {
        for command in COMMANDS {
            let stage = Stage::new();
            let mut run = stage.command(command);
            run.env("DOCKER_HOST", host).env("SAFE_COMPOSE_LOG", "trace");
            let output = run.output().expect("it runs");
            let line = words(command);
            let code = sound(&format!("{host}: {line}"), &output);
            assert!(!needs_engine(command) || code == 69, "{host}: {line}: {code}");
            let said = [output.stdout, output.stderr].concat();
            assert!(!String::from_utf8_lossy(&said).contains("hunter2"), "{host}: {line}");
        }
    }
}
