//! Tells a process from a later one that has the same number.

use std::fs;

use serde::{Deserialize, Serialize};

/// A process of this machine. A number alone is used again, after a restart of the machine within minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// Linux' id of the time since the machine was started.
    pub boot: String,
    pub pid: u32,
    /// When it was started, in the kernel's ticks.
    pub started: u64,
}

impl ProcessIdentity {
    /// This process; `None` where the system has no `/proc`.
    pub fn current() -> Option<Self> {
        let pid = std::process::id();
        Some(Self { boot: boot()?, pid, started: started(pid)? })
    }

    /// Whether it still runs, on this machine.
    pub fn is_running(&self) -> bool {
        boot().as_ref() == Some(&self.boot) && started(self.pid) == Some(self.started)
    }
}

fn boot() -> Option<String> {
    Some(fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned())
}

/// The 22nd field. The second is the program's name in parentheses, which may contain both spaces and parentheses. A
/// process that has ended and was not waited for counts as ended.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_and_another_with_its_number_does_not() {
        let Some(this) = ProcessIdentity::current() else { return };
        assert!(this.is_running());
        assert!(!ProcessIdentity { started: this.started - 1, ..this.clone() }.is_running());
        assert!(!ProcessIdentity { boot: "another".into(), ..this }.is_running());
    }

    #[test]
    fn a_process_that_has_ended_does_not_run() {
        let Some(this) = ProcessIdentity::current() else { return };
        let mut child = super::super::command("/bin/sleep".as_ref()).arg("60").spawn().expect("started");
        let one = ProcessIdentity { pid: child.id(), started: started(child.id()).expect("it runs"), ..this };
        assert!(one.is_running());
        child.kill().expect("killed");
        child.wait().expect("ended");
        assert!(!one.is_running());
    }
}
