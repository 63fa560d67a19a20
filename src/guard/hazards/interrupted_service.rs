//! A running data store that is stopped keeps its data, but nobody can use it meanwhile; stopped without its time to
//! write, it has to recover at the next start.

use super::super::{Hazard, HazardContext};
use crate::policy::{Effect, Impact, Subject};

pub(in super::super) struct InterruptedService;

impl Hazard for InterruptedService {
    fn look(&self, cx: &HazardContext<'_>, found: &mut Vec<Impact>) {
        if !stops(cx) {
            return;
        }
        let subcommand = cx.subcommand();
        for container in cx.containers_in_reach().filter(|container| container.is_running()) {
            let Some(store) = cx.store_of(container) else { continue };
            let reason = if !is_hard(cx) {
                format!("`{subcommand}` stops it")
            } else if store.data_paths().is_empty() {
                format!("`{subcommand}` stops it at once, without its time to end by itself")
            } else {
                format!("`{subcommand}` stops it at once: {COST}")
            };
            found.push(Impact::new(
                Effect::Interrupt,
                Subject::Service { name: store.service.clone() },
                reason,
            ));
        }
    }
}

/// What a server pays for being stopped at once.
pub(super) const COST: &str =
    "what it has not yet written to disk is lost, and it has to recover at its next start";

/// Whether the command stops the containers in its reach.
pub(super) fn stops(cx: &HazardContext<'_>) -> bool {
    match cx.subcommand() {
        "down" | "stop" | "restart" => true,
        "kill" => signal(cx).is_some(),
        "rm" => cx.reading.is_set("stop"),
        "wait" => cx.reading.is_set("down-project"),
        _ => false,
    }
}

/// Whether the servers get no time to write.
pub(super) fn is_hard(cx: &HazardContext<'_>) -> bool {
    match cx.subcommand() {
        "kill" => signal(cx) == Some(Signal::Kill),
        "down" | "stop" | "restart" | "up" => cx.reading.value("timeout").is_some_and(is_zero),
        _ => false,
    }
}

/// Zero in any of the spellings that Go and Python read: `0`, `-0`, `00`, `0x0`.
fn is_zero(number: &str) -> bool {
    let digits = number.trim_start_matches(['+', '-']);
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0b")).unwrap_or(digits);
    !digits.is_empty() && digits.chars().all(|digit| matches!(digit, '0' | '_'))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    /// It ends the program at once.
    Kill,
    /// It ends the program, as the program likes.
    End,
}

/// What `kill` sends; `None` for the signals that servers take as a hint, such as SIGHUP.
fn signal(cx: &HazardContext<'_>) -> Option<Signal> {
    let name = cx.reading.value("signal").unwrap_or("KILL").to_ascii_uppercase();
    match name.trim_start_matches("SIG") {
        "HUP" | "1" | "USR1" | "10" | "USR2" | "12" | "WINCH" | "28" | "CONT" | "18" | "CHLD" | "17" => None,
        "TERM" | "15" | "INT" | "2" | "QUIT" | "3" | "STOP" | "19" | "TSTP" | "20" => Some(Signal::End),
        _ => Some(Signal::Kill),
    }
}
