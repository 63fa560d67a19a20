//! The entries of a tar archive by their position, so that they can be copied into another archive as they are stored.
//!
//! The files of a server are sparse, and the `tar` crate unpacks what it reads: hundreds of megabytes of zeros for a small
//! collection. Here only headers are read, and holes stay holes.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use tar::{EntryType, Header};

const BLOCK: u64 = 512;

/// A longer name is not one of a snapshot.
const LONGEST_NAME: u64 = 64 * 1024;

/// One entry, stored somewhere in a file.
#[derive(Debug, Clone)]
pub(crate) struct RawEntry {
    pub(crate) path: String,
    header: Box<Header>,
    /// Everything after the header: the map of a sparse file, and the data with its padding.
    rest: Range<u64>,
    /// The data without padding; that of a sparse file is without its holes.
    pub(crate) data: Range<u64>,
}

/// The entries of the archive that lies there in a file. A nested archive may end without blocks of zeros.
pub(crate) fn index(file: &File, archive: Range<u64>) -> io::Result<Vec<RawEntry>> {
    let mut entries = Vec::new();
    let mut long_name = None;
    let mut at = archive.start;
    while at + BLOCK <= archive.end {
        let header = header(file, at)?;
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            break;
        }
        let rest = at + BLOCK;
        let mut data = rest;
        if header.as_gnu().is_some_and(|gnu| header.entry_type().is_gnu_sparse() && gnu.is_extended()) {
            loop {
                let map = block(file, data)?;
                data += BLOCK;
                // The last but seven of its bytes: whether another block of the map follows.
                if map[504] == 0 {
                    break;
                }
            }
        }
        let size = header.entry_size()?;
        let end = data.checked_add(size).and_then(|end| end.checked_next_multiple_of(BLOCK));
        let end = end.filter(|end| *end <= archive.end).ok_or_else(|| broken("an entry is cut off"))?;
        match header.entry_type() {
            EntryType::GNULongName if size <= LONGEST_NAME => {
                let mut name = vec![0; usize::try_from(size).map_err(io::Error::other)?];
                file.read_exact_at(&mut name, data)?;
                long_name = Some(name);
            }
            EntryType::Regular | EntryType::GNUSparse | EntryType::Directory => {
                let name = long_name.take().unwrap_or_else(|| header.path_bytes().into_owned());
                let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
                let path = std::str::from_utf8(name).map_err(io::Error::other)?;
                let path = path.trim_start_matches("./").trim_end_matches('/').to_owned();
                entries.push(RawEntry { path, header, rest: rest..end, data: data..data + size });
            }
            other => return Err(broken(&format!("an entry is a {other:?}"))),
        }
        at = end;
    }
    Ok(entries)
}

impl RawEntry {
    /// Whether its data lies in one piece.
    pub(crate) fn is_plain_file(&self) -> bool {
        self.header.entry_type() == EntryType::Regular
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.header.entry_type() == EntryType::Directory
    }

    /// The same entry under another path.
    pub(crate) fn at(self, path: String) -> Self {
        Self { path, ..self }
    }

    /// The header under another path, and what has to be copied after it.
    pub(crate) fn renamed(&self, path: &str) -> io::Result<(Vec<u8>, Range<u64>)> {
        let mut bytes = Vec::new();
        let mut header = self.header.clone();
        if header.set_path(path).is_err() {
            let mut long = Header::new_gnu();
            long.set_path("././@LongLink")?;
            long.set_entry_type(EntryType::GNULongName);
            long.set_size(path.len() as u64 + 1);
            long.set_mode(0o644);
            long.set_cksum();
            bytes.extend(long.as_bytes());
            bytes.extend(path.as_bytes());
            bytes.push(0);
            bytes.resize(bytes.len().next_multiple_of(512), 0);
            // Readers take the long name.
            header.set_path("long-name")?;
        }
        header.set_cksum();
        bytes.extend(header.as_bytes());
        Ok((bytes, self.rest.clone()))
    }

    /// Its data, which must be small.
    pub(crate) fn read(&self, file: &File, most: u64) -> io::Result<Vec<u8>> {
        let length = self.data.end - self.data.start;
        if length > most || !self.is_plain_file() {
            return Err(broken("a small file is large"));
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, self.data.start)?;
        Ok(bytes)
    }
}

fn header(file: &File, at: u64) -> io::Result<Box<Header>> {
    let mut header = Box::new(Header::new_gnu());
    header.as_mut_bytes().copy_from_slice(&block(file, at)?);
    Ok(header)
}

fn block(file: &File, at: u64) -> io::Result<[u8; 512]> {
    let mut block = [0; 512];
    file.read_exact_at(&mut block, at)?;
    Ok(block)
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    /// Names of any length, and a file with more holes than a header has room for.
    #[test]
    fn entries_are_copied_as_they_are() {
        let dir = tempfile::tempdir().expect("a directory");
        let sparse = File::create(dir.path().join("sparse")).expect("created");
        for hole in 0..40_u64 {
            sparse.write_all_at(b"data", hole * 1024 * 1024).expect("written");
        }
        let long = format!("{}/z", "y".repeat(150));
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_path_with_name(dir.path().join("sparse"), "sparse").expect("appended");
        let mut header = Header::new_gnu();
        header.set_size(5);
        tar.append_data(&mut header, &long, b"hello".as_slice()).expect("appended");
        let archive = tar.into_inner().expect("finished");
        std::fs::write(dir.path().join("tar"), &archive).expect("written");
        let file = File::open(dir.path().join("tar")).expect("opened");
        let entries = index(&file, 0..archive.len() as u64).expect("an archive");
        assert_eq!(entries.iter().map(|entry| entry.path.as_str()).collect::<Vec<_>>(), ["sparse", &long]);
        assert!(archive.len() < 1024 * 1024, "the holes are not stored");

        let mut copy = Vec::new();
        for (entry, path) in entries.iter().zip([format!("{}/a", "x".repeat(120)), "b".to_owned()]) {
            let (header, rest) = entry.renamed(&path).expect("renamed");
            copy.extend(header);
            let mut stored = vec![0; usize::try_from(rest.end - rest.start).expect("small")];
            file.read_exact_at(&mut stored, rest.start).expect("read");
            copy.write_all(&stored).expect("written");
        }
        copy.extend([0; 1024]);
        let mut archive = tar::Archive::new(copy.as_slice());
        let mut found = Vec::new();
        for entry in archive.entries().expect("an archive") {
            let mut entry = entry.expect("an entry");
            let mut contents = Vec::new();
            entry.read_to_end(&mut contents).expect("read");
            found.push((entry.path().expect("a path").display().to_string(), contents));
        }
        assert_eq!(found[0].0, format!("{}/a", "x".repeat(120)));
        assert_eq!(found[0].1, std::fs::read(dir.path().join("sparse")).expect("read"));
        assert_eq!(found[1], ("b".to_owned(), b"hello".to_vec()));
    }

    #[test]
    fn an_archive_that_is_cut_has_no_index() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_size(600);
        tar.append_data(&mut header, "a", [1; 600].as_slice()).expect("appended");
        let archive = tar.into_inner().expect("finished");
        std::fs::write(dir.path().join("tar"), &archive).expect("written");
        let file = File::open(dir.path().join("tar")).expect("opened");
        assert!(index(&file, 0..1024).is_err());
        assert_eq!(index(&file, 0..512 + 1024).expect("no end is needed").len(), 1);
    }
}
