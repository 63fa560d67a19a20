//! The program of holder containers: it waits forever.
//!
//! It is assembled here because a holder must run on any engine without pulling an image: an ELF header, one program
//! header, and a loop around one system call. It needs no library, no file, one page of memory, and no signal handler:
//! the first process of a container does not receive signals without a handler, and `SIGKILL` ends it at once.
//!
//! Formats: `elf(5)`. System call numbers: `arch/*/entry/syscalls` and `asm-generic/unistd.h` of Linux.

/// What differs between architectures.
struct Machine {
    class: Class,
    /// `e_machine`.
    id: u16,
    /// `e_flags`.
    flags: u32,
    code: &'static [u8],
}

/// The size of addresses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Bits32,
    Bits64,
}

const X86_64: Machine = Machine {
    class: Class::Bits64,
    id: 62,
    flags: 0,
    code: &[
        0xb8, 34, 0, 0, 0, // mov eax, 34 (pause)
        0x0f, 0x05, // syscall
        0xeb, 0xf7, // jmp to the first instruction, 9 bytes back
    ],
};

/// This architecture has no `pause`; `ppoll` without file descriptors, timeout and mask waits as well.
const AARCH64: Machine = Machine {
    class: Class::Bits64,
    id: 183,
    flags: 0,
    code: &[
        0x00, 0x00, 0x80, 0xd2, // mov x0, #0 (no file descriptors)
        0x01, 0x00, 0x80, 0xd2, // mov x1, #0 (number of file descriptors)
        0x02, 0x00, 0x80, 0xd2, // mov x2, #0 (no timeout)
        0x03, 0x00, 0x80, 0xd2, // mov x3, #0 (no mask)
        0x28, 0x09, 0x80, 0xd2, // mov x8, #73 (ppoll)
        0x01, 0x00, 0x00, 0xd4, // svc #0
        0xfa, 0xff, 0xff, 0x17, // b to the first instruction, 6 back
    ],
};

const I386: Machine = Machine {
    class: Class::Bits32,
    id: 3,
    flags: 0,
    code: &[
        0xb8, 29, 0, 0, 0, // mov eax, 29 (pause)
        0xcd, 0x80, // int 0x80
        0xeb, 0xf7, // jmp to the first instruction, 9 bytes back
    ],
};

const ARM: Machine = Machine {
    class: Class::Bits32,
    id: 40,
    flags: 0x0500_0000, // EABI version 5
    code: &[
        0x1d, 0x70, 0xa0, 0xe3, // mov r7, #29 (pause)
        0x00, 0x00, 0x00, 0xef, // svc 0
        0xfc, 0xff, 0xff,
        0xea, // b to the first instruction; the offset counts from two instructions ahead
    ],
};

/// Where the file is mapped; every kernel allows this page.
const BASE: u64 = 0x40_0000;

/// The program for an architecture, by the names in images: `amd64`, `arm64`, `386`, `arm`.
pub(super) fn program(architecture: &str) -> Option<Vec<u8>> {
    let machine = match architecture {
        "amd64" => &X86_64,
        "arm64" => &AARCH64,
        "386" => &I386,
        "arm" => &ARM,
        _ => return None,
    };
    Some(machine.elf())
}

impl Machine {
    /// The file: ELF header, one program header that maps the complete file, code.
    fn elf(&self) -> Vec<u8> {
        let (header, entry): (u16, u16) = match self.class {
            Class::Bits32 => (52, 32),
            Class::Bits64 => (64, 56),
        };
        let start = u64::from(header) + u64::from(entry);
        let size = start + self.code.len() as u64;
        let mut file = Elf { class: self.class, bytes: Vec::new() };

        // e_ident: magic, class, little-endian, version 1, System V ABI, padding.
        file.bytes.extend([0x7f, b'E', b'L', b'F']);
        file.bytes.extend([if self.class == Class::Bits32 { 1 } else { 2 }, 1, 1, 0]);
        file.bytes.extend([0; 8]);
        file.half(2); // e_type: an executable at fixed addresses
        file.half(self.id); // e_machine
        file.word(1); // e_version
        file.address(BASE + start); // e_entry
        file.address(u64::from(header)); // e_phoff: the program header follows
        file.address(0); // e_shoff: no sections
        file.word(self.flags); // e_flags
        file.half(header); // e_ehsize
        file.half(entry); // e_phentsize
        file.half(1); // e_phnum
        file.half(0); // e_shentsize
        file.half(0); // e_shnum
        file.half(0); // e_shstrndx

        let executable = 0x5; // read and execute, never write
        file.word(1); // p_type: to be loaded
        if self.class == Class::Bits64 {
            file.word(executable); // p_flags
        }
        file.address(0); // p_offset
        file.address(BASE); // p_vaddr
        file.address(BASE); // p_paddr
        file.address(size); // p_filesz
        file.address(size); // p_memsz
        if self.class == Class::Bits32 {
            file.word(executable); // p_flags
        }
        file.address(0x1_0000); // p_align: the largest page size of these architectures

        file.bytes.extend(self.code);
        file.bytes
    }
}

/// An ELF file that is being written. All these architectures are little-endian.
struct Elf {
    class: Class,
    bytes: Vec<u8>,
}

impl Elf {
    fn half(&mut self, value: u16) {
        self.bytes.extend(value.to_le_bytes());
    }

    fn word(&mut self, value: u32) {
        self.bytes.extend(value.to_le_bytes());
    }

    /// An address, an offset or a size.
    fn address(&mut self, value: u64) {
        let width = match self.class {
            Class::Bits32 => 4,
            Class::Bits64 => 8,
        };
        self.bytes.extend(&value.to_le_bytes()[..width]);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::time::Duration;

    use super::*;

    fn number(bytes: &[u8], at: usize, width: usize) -> u64 {
        bytes[at..at + width].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    #[test]
    fn headers_are_as_long_as_they_say_and_lead_to_the_code() {
        for (name, machine) in [("amd64", &X86_64), ("arm64", &AARCH64), ("386", &I386), ("arm", &ARM)] {
            let file = program(name).expect("known");
            assert_eq!(&file[..4], b"\x7fELF", "{name}");
            let wide = file[4] == 2;
            assert_eq!(wide, machine.class == Class::Bits64, "{name}");
            let (width, after, entry) = if wide { (8, 48, 56) } else { (4, 36, 32) };
            assert_eq!(number(&file, 16, 2), 2, "{name}: executable");
            assert_eq!(number(&file, 18, 2), u64::from(machine.id), "{name}: machine");
            let header = number(&file, after + 4, 2);
            assert_eq!(header, if wide { 64 } else { 52 }, "{name}: e_ehsize");
            assert_eq!(number(&file, 24 + width, width), header, "{name}: e_phoff");
            assert_eq!(number(&file, after + 6, 2), entry, "{name}: e_phentsize");
            assert_eq!(number(&file, after + 8, 2), 1, "{name}: e_phnum");
            let start = number(&file, 24, width) - BASE;
            assert_eq!(start, header + entry, "{name}: e_entry");
            assert_eq!(&file[usize::try_from(start).expect("small")..], machine.code, "{name}");

            let segment = usize::try_from(header).expect("small");
            assert_eq!(number(&file, segment, 4), 1, "{name}: p_type");
            let sizes = segment + if wide { 32 } else { 16 };
            assert_eq!(number(&file, sizes, width), file.len() as u64, "{name}: p_filesz");
            assert_eq!(number(&file, sizes + width, width), file.len() as u64, "{name}: p_memsz");
            let flags = segment + if wide { 4 } else { 24 };
            assert_eq!(number(&file, flags, 4), 5, "{name}: p_flags");
        }
        assert!(program("s390x").is_none());
    }

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
