//! Gives the headers of a tar archive the checksums that they should have: otherwise nearly every change of an archive ends
//! at the first header.

use tar::{EntryType, Header};

const BLOCK: usize = 512;

/// The archive with fitting checksums, also in archives that it contains.
pub(super) fn corrected(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    correct(&mut bytes, 0);
    bytes
}

fn correct(bytes: &mut [u8], depth: usize) {
    let mut at = 0;
    while let Some(block) = bytes.get_mut(at..at + BLOCK) {
        if block.iter().all(|byte| *byte == 0) {
            return;
        }
        let mut header = Header::new_old();
        header.as_mut_bytes().copy_from_slice(block);
        header.set_cksum();
        block.copy_from_slice(header.as_bytes());
        at += BLOCK;
        let size = header.entry_size().ok().and_then(|size| usize::try_from(size).ok());
        let end = size.and_then(|size| at.checked_add(size)).filter(|end| *end <= bytes.len());
        let Some(end) = end else { return };
        if depth == 0 && header.path_bytes().ends_with(b".tar") && header.entry_type() == EntryType::Regular {
            correct(&mut bytes[at..end], depth + 1);
        }
        at = end.next_multiple_of(BLOCK);
    }
}
