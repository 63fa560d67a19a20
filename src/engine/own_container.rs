//! The container that this process runs in, if it does. It must not be paused or stopped: nobody would let it go on.

use std::sync::OnceLock;

/// Its id.
pub fn own_container() -> Option<&'static str> {
    static ID: OnceLock<Option<String>> = OnceLock::new();
    ID.get_or_init(|| find(&std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())).as_deref()
}

/// The engine mounts files such as `/etc/hostname` from a directory that is named after the container.
fn find(mounts: &str) -> Option<String> {
    mounts
        .lines()
        .filter(|line| line.split(' ').nth(4).is_some_and(|target| target.starts_with("/etc/")))
        .filter_map(|line| line.split(' ').nth(3)?.split_once("/containers/"))
        .filter_map(|(_, rest)| rest.split('/').next())
        .find(|id| id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_of_the_host_name_tells() {
        let id = "0123456789abcdef".repeat(4);
        let line = |root: &str, target: &str| {
            format!("812 790 8:1 {root} {target} rw,relatime - ext4 /dev/sda1 rw\n")
        };
        let inside = line(&format!("/var/lib/docker/containers/{id}/hostname"), "/etc/hostname");
        assert_eq!(find(&format!("{}{inside}", line("/", "/proc"))), Some(id.clone()));
        let outside = line(&format!("/var/lib/docker/containers/{id}/mounts/shm"), "/var/lib/docker/x");
        assert_eq!(find(&outside), None);
        assert_eq!(find(&line("/srv/containers/x/hosts", "/etc/hosts")), None);
    }
}
