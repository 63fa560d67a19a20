//! Helper containers that were left behind: who created them does not run any more.
//!
//! A helper removes itself with the work that it was created for. Only a killed process leaves one behind, which would keep
//! a volume in use forever.

use std::collections::BTreeMap;

use super::{ContainerState, Engine, HELPER_LABEL};

/// The label of helper containers that identifies the process that created them.
pub const OWNER_LABEL: &str = "safe-compose.owner";

/// This process, among those of all machines that use an engine.
pub fn owner() -> String {
    let process = process(std::process::id()).unwrap_or_default();
    [machine(), boot(), namespace(), std::process::id().to_string(), process].join("|")
}

/// Whether a container is a helper, and the process that created it is certainly gone. A process of another machine or of another container may
/// run.
pub fn is_abandoned(labels: &BTreeMap<String, String>, state: ContainerState) -> bool {
    labels.contains_key(HELPER_LABEL)
        && match labels.get(OWNER_LABEL) {
            Some(owner) => is_gone(owner),
            // Of an older version.
            None => state == ContainerState::Created,
        }
}

/// Removes the helpers that were left behind. Those that cannot be removed now stay for the next command.
pub async fn remove_abandoned(engine: &dyn Engine) {
    for helper in engine.abandoned_helpers().await.unwrap_or_default() {
        let _ = engine.remove_helper(&helper).await;
    }
}

/// Whether the process that [`owner`] described is certainly gone.
pub fn is_gone(owner: &str) -> bool {
    let parts: Vec<&str> = owner.split('|').collect();
    let [of_machine, of_boot, of_namespace, id, started] = parts.as_slice() else { return false };
    if of_machine.is_empty() || *of_machine != machine() {
        return false;
    }
    if *of_boot != boot() {
        return true;
    }
    *of_namespace == namespace()
        && id.parse().is_ok_and(|id| process(id).is_none_or(|known| known != *started))
}

fn machine() -> String {
    read("/etc/machine-id")
}

fn boot() -> String {
    read("/proc/sys/kernel/random/boot_id")
}

/// A process id means something in its own namespace only.
fn namespace() -> String {
    std::fs::read_link("/proc/self/ns/pid").map(|link| link.display().to_string()).unwrap_or_default()
}

/// When a process was started, in ticks since the machine was; `None` if there is no such process.
fn process(id: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name of the program may contain anything.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19).map(str::to_owned)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_that_certainly_ended_is_gone() {
        if machine().is_empty() {
            return;
        }
        assert!(!is_gone(&owner()), "this process runs");
        let parts: Vec<String> = owner().split('|').map(str::to_owned).collect();
        let with = |at: usize, value: &str| {
            let mut parts = parts.clone();
            value.clone_into(&mut parts[at]);
            parts.join("|")
        };
        assert!(is_gone(&with(4, "1")), "another process has the id now");
        assert!(is_gone(&with(3, "4194305")), "higher than any process id");
        assert!(is_gone(&with(1, "another-boot")));
        for other in [with(0, "another-machine"), with(0, ""), with(2, "pid:[1]"), String::new()] {
            let of_boot = is_gone(&other);
            assert!(!of_boot, "{other}");
        }
    }
}
