//! An event in words for people.

use crate::event::{EventDocument, EventKind};

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    Low,
    Normal,
    High,
    Highest,
}

pub(super) fn urgency(event: EventKind) -> Urgency {
    match event {
        EventKind::BeforeBackup | EventKind::AfterBackup => Urgency::Low,
        EventKind::OnRefusal => Urgency::Normal,
        EventKind::OnFailure => Urgency::High,
        EventKind::OnLoss => Urgency::Highest,
    }
}

/// A few words: `shop on server1: data is missing`.
pub(super) fn title(document: &EventDocument) -> String {
    let what = match document.event {
        EventKind::BeforeBackup => "backup started",
        EventKind::AfterBackup => "backed up",
        EventKind::OnFailure => "a command failed",
        EventKind::OnLoss => "data is missing",
        EventKind::OnRefusal => "a command was refused",
    };
    format!("{} on {}: {what}", document.project, document.host)
}

/// What has happened, why, and to which command.
pub(super) fn text(document: &EventDocument) -> String {
    let mut lines = vec![document.summary.clone()];
    if let Some(cause) = document.error.as_ref().and_then(|error| error.cause.as_ref()) {
        lines.push(format!("Because: {cause}"));
    }
    lines.push(format!("Command: {}", document.command));
    lines.push(format!("Directory: {}", document.directory.display()));
    lines.join("\n")
}
