//! Executable files around a few instructions: an ELF header, one program header, and the code.
//!
//! The programs of our images are made here because they must run on any engine without pulling an image. They need no
//! library and no file.
//!
//! Format: `elf(5)`.

/// What differs between architectures.
struct Machine {
    class: Class,
    /// `e_machine`.
    id: u16,
    /// `e_flags`.
    flags: u32,
}

/// The size of addresses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Bits32,
    Bits64,
}

const X86_64: Machine = Machine { class: Class::Bits64, id: 62, flags: 0 };
const AARCH64: Machine = Machine { class: Class::Bits64, id: 183, flags: 0 };
const I386: Machine = Machine { class: Class::Bits32, id: 3, flags: 0 };
/// EABI version 5.
const ARM: Machine = Machine { class: Class::Bits32, id: 40, flags: 0x0500_0000 };

/// Where the file is mapped; every kernel allows this page.
const BASE: u64 = 0x40_0000;

fn machine(architecture: &str) -> Option<&'static Machine> {
    match architecture {
        "amd64" => Some(&X86_64),
        "arm64" => Some(&AARCH64),
        "386" => Some(&I386),
        "arm" => Some(&ARM),
        _ => None,
    }
}

/// The executable file of some code, for an architecture by its name in images: `amd64`, `arm64`, `386`, `arm`.
pub(super) fn executable(architecture: &str, code: &[u8]) -> Option<Vec<u8>> {
    Some(machine(architecture)?.elf(code))
}

impl Machine {
    /// The file: ELF header, one program header that maps the complete file, code.
    fn elf(&self, code: &[u8]) -> Vec<u8> {
        let (header, entry): (u16, u16) = match self.class {
            Class::Bits32 => (52, 32),
            Class::Bits64 => (64, 56),
        };
        let start = u64::from(header) + u64::from(entry);
        let size = start + code.len() as u64;
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

        file.bytes.extend(code);
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
    use super::*;

    fn number(bytes: &[u8], at: usize, width: usize) -> u64 {
        bytes[at..at + width].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    #[test]
    fn headers_are_as_long_as_they_say_and_lead_to_the_code() {
        let code = [1, 2, 3, 4];
        for name in ["amd64", "arm64", "386", "arm"] {
            let machine = machine(name).expect("known");
            let file = executable(name, &code).expect("known");
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
            assert_eq!(&file[usize::try_from(start).expect("small")..], code, "{name}");

            let segment = usize::try_from(header).expect("small");
            assert_eq!(number(&file, segment, 4), 1, "{name}: p_type");
            let sizes = segment + if wide { 32 } else { 16 };
            assert_eq!(number(&file, sizes, width), file.len() as u64, "{name}: p_filesz");
            assert_eq!(number(&file, sizes + width, width), file.len() as u64, "{name}: p_memsz");
            let flags = segment + if wide { 4 } else { 24 };
            assert_eq!(number(&file, flags, 4), 5, "{name}: p_flags");
        }
        assert!(executable("s390x", &code).is_none());
    }
}
