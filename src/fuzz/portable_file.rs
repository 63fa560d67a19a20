//! Portable files, which `import-data` reads: of this program, and of other tools.

use std::io::Write as _;

use crate::backup::export::scan;

pub(super) fn run(bytes: &[u8]) {
    for ending in [".json", ".jsonl"] {
        let mut file = tempfile::Builder::new().suffix(ending).tempfile().expect("a temporary file");
        file.write_all(bytes).expect("written");
        let mut read = 0;
        let Ok(contents) = scan(file.path(), &mut |count| read += count) else { continue };
        assert!(read >= bytes.len() as u64, "it was read to its end");
        let points: u64 = contents.collections.iter().map(|one| one.points).sum();
        assert!(points <= bytes.len() as u64 || bytes.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]), "{points}");
    }
}
