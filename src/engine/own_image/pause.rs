//! The program of holder containers: it waits forever.
//!
//! It is a loop around one system call, in one page of memory and without a signal handler: the first process of a
//! container does not receive signals without a handler, and `SIGKILL` ends it at once.
//!
//! System call numbers: `arch/*/entry/syscalls` and `asm-generic/unistd.h` of Linux.

use super::elf;

const X86_64: &[u8] = &[
    0xb8, 34, 0, 0, 0, // mov eax, 34 (pause)
    0x0f, 0x05, // syscall
    0xeb, 0xf7, // jmp to the first instruction, 9 bytes back
];

/// This architecture has no `pause`; `ppoll` without file descriptors, timeout and mask waits as well.
const AARCH64: &[u8] = &[
    0x00, 0x00, 0x80, 0xd2, // mov x0, #0 (no file descriptors)
    0x01, 0x00, 0x80, 0xd2, // mov x1, #0 (number of file descriptors)
    0x02, 0x00, 0x80, 0xd2, // mov x2, #0 (no timeout)
    0x03, 0x00, 0x80, 0xd2, // mov x3, #0 (no mask)
    0x28, 0x09, 0x80, 0xd2, // mov x8, #73 (ppoll)
    0x01, 0x00, 0x00, 0xd4, // svc #0
    0xfa, 0xff, 0xff, 0x17, // b to the first instruction, 6 back
];

const I386: &[u8] = &[
    0xb8, 29, 0, 0, 0, // mov eax, 29 (pause)
    0xcd, 0x80, // int 0x80
    0xeb, 0xf7, // jmp to the first instruction, 9 bytes back
];

const ARM: &[u8] = &[
    0x1d, 0x70, 0xa0, 0xe3, // mov r7, #29 (pause)
    0x00, 0x00, 0x00, 0xef, // svc 0
    0xfc, 0xff, 0xff, 0xea, // b to the first instruction; the offset counts from two instructions ahead
];

/// The program for an architecture, by the names in images: `amd64`, `arm64`, `386`, `arm`.
pub(super) fn program(architecture: &str) -> Option<Vec<u8>> {
    let code = match architecture {
        "amd64" => X86_64,
        "arm64" => AARCH64,
        "386" => I386,
        "arm" => ARM,
        _ => return None,
    };
    elf::executable(architecture, code)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::time::Duration;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test runs the generated program")]
    fn it_waits_until_it_is_killed() {
        let native = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            "arm" => "arm",
            _ => return,
        };
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("pause");
        std::fs::write(&path, program(native).expect("known")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("mode");
        let mut child = loop {
            match std::process::Command::new(&path).spawn() {
                Ok(child) => break child,
                // Another test may be between fork and exec and still have the file open for writing.
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(error) => panic!("{error}"),
            }
        };
        std::thread::sleep(Duration::from_millis(200));
        assert!(child.try_wait().expect("asked").is_none(), "it must not end by itself");
        child.kill().expect("killed");
        assert_eq!(child.wait().expect("waited").signal(), Some(9));
    }
}
