//! A recorded snapshot, and damaged ones made from it.

use std::io::Read as _;

use super::*;

/// Recorded from a real server, 1.19.0: one shard, two segments, 50 points.
const WHOLE: &[u8] = include_bytes!("../../../../../tests/fixtures/qdrant/receitas.snapshot");

/// The places below are of this recording.
const SECOND_SEGMENT: usize = 90_112;
const CONFIG: usize = 200_704;

fn error(bytes: &[u8]) -> String {
    format!("{:#}", anyhow::Error::new(walk(bytes).expect_err("damaged")))
}

/// The recording with some entries left out or changed; inner archives stay as they are.
fn rebuilt(mut change: impl FnMut(&str, Vec<u8>) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for entry in tar::Archive::new(WHOLE).entries().expect("tar") {
        let mut entry = entry.expect("entry");
        let path = entry.path().expect("path").to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("read");
        let Some(bytes) = change(&path, bytes) else { continue };
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, bytes.as_slice()).expect("appended");
    }
    builder.into_inner().expect("finished")
}

#[test]
fn a_whole_snapshot_is_walked_to_its_end() {
    let contents = walk(WHOLE).expect("whole");
    assert_eq!((contents.shards, contents.segments), (1, 2));
    assert_eq!(contents.config["params"]["vectors"]["texto"]["size"], 4);
    assert_eq!(walk(rebuilt(|_, bytes| Some(bytes)).as_slice()).expect("whole").segments, 2);
}

#[test]
fn it_is_read_in_pieces_of_any_size() {
    struct Slowly<'a>(&'a [u8]);
    impl io::Read for Slowly<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(self.0.len()).min(333);
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }
    assert!(walk(Slowly(WHOLE)).is_ok());
}

#[test]
fn a_cut_anywhere_is_found() {
    // Every block boundary, where a reader of tar archives sees a clean end, and places between them.
    let boundaries = (0..WHOLE.len()).step_by(512);
    let between = (1..WHOLE.len()).step_by(4099);
    for cut in boundaries.chain(between) {
        assert!(walk(&WHOLE[..cut]).is_err(), "cut at {cut}");
    }
    assert!(error(&WHOLE[..WHOLE.len() - 512]).contains("no end marker after `payload_index.json`"));
    assert!(
        error(&WHOLE[..SECOND_SEGMENT + 2000]).contains("segments/5efbb82f-14e1-45ca-b5f2-69200d0dfcdb.tar")
    );
}

#[test]
fn garbage_is_found_with_its_place() {
    assert!(error(b"").contains("no end marker after its start"));
    assert!(error(&[7; 4096]).contains("its start"));
    assert!(error(&[0; 4096]).contains("shards") || error(&[0; 4096]).contains("`version.info` is missing"));
    assert!(error(br#"{"status":{"error":"Not found"}}"#).contains("its start"));
    let mut longer = WHOLE.to_vec();
    longer.extend_from_slice(b"more");
    assert!(error(&longer).contains(&format!("at byte {}", WHOLE.len() + 3)));
    longer.truncate(WHOLE.len());
    longer.extend_from_slice(&[0; 9216]);
    assert!(walk(longer.as_slice()).is_ok(), "some writers fill up with zeros");
}

#[test]
fn a_flipped_bit_in_a_header_is_found() {
    for (at, place) in [
        (SECOND_SEGMENT + 5, "3ec5258e"),
        (SECOND_SEGMENT + 512 + 3, "5efbb82f"),
        (CONFIG + 1, "version.info"),
    ] {
        let mut damaged = WHOLE.to_vec();
        damaged[at] ^= 1;
        let error = error(&damaged);
        assert!(error.contains(place) && error.contains("checksum"), "{at}: {error}");
    }
}

#[test]
fn what_a_snapshot_needs_is_missed() {
    let without =
        |cancellation: &'static str| error(&rebuilt(|path, bytes| (path != cancellation).then_some(bytes)));
    assert_eq!(without("config.json"), "`config.json` is missing");
    assert_eq!(without("version.info"), "`version.info` is missing");
    assert_eq!(without("0/shard_config.json"), "`0/shard_config.json` is missing");
    let no_segments = rebuilt(|path, bytes| (!path.contains("segments/")).then_some(bytes));
    assert_eq!(error(&no_segments), "shard 0 has no segments");
    let no_shard = rebuilt(|path, bytes| (!path.starts_with("0/")).then_some(bytes));
    assert_eq!(error(&no_shard), "it has 0 of 1 shards");
    let more_shards = rebuilt(|path, bytes| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Some(if path == "config.json" {
            text.replace("\"shard_number\":1", "\"shard_number\":3").into()
        } else {
            bytes
        })
    });
    assert_eq!(error(&more_shards), "it has 1 of 3 shards");
}

#[test]
fn what_does_not_belong_there_is_named() {
    let renamed = |from: &'static str, to: &'static str| {
        let mut builder = tar::Builder::new(Vec::new());
        for entry in tar::Archive::new(WHOLE).entries().expect("tar") {
            let mut entry = entry.expect("entry");
            let path = entry.path().expect("path").to_string_lossy().replace(from, to);
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("read");
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            builder.append_data(&mut header, path, bytes.as_slice()).expect("appended");
        }
        error(&builder.into_inner().expect("finished"))
    };
    assert_eq!(renamed("payload_index.json", "virus.exe"), "`virus.exe` does not belong in a snapshot");
    assert_eq!(renamed("0/wal/open-2", "0/wal/open-1"), "`0/wal/open-1` appears twice");
    assert_eq!(renamed("0/replica_state.json", "0/notes.txt"), "`0/notes.txt` does not belong in a snapshot");
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, "config.json", "/etc/passwd").expect("appended");
    assert_eq!(
        error(&builder.into_inner().expect("finished")),
        "`config.json` is a symlink, which a snapshot never has"
    );
}

#[test]
fn a_configuration_that_cannot_be_read_is_named() {
    let broken = rebuilt(|path, bytes| Some(if path == "config.json" { b"{".to_vec() } else { bytes }));
    assert!(error(&broken).starts_with("`config.json` cannot be parsed: "));
    let empty = rebuilt(|path, bytes| Some(if path == "config.json" { b"{}".to_vec() } else { bytes }));
    assert_eq!(error(&empty), "`config.json` cannot be parsed: it has no `params`");
    let state =
        rebuilt(|path, bytes| Some(if path.ends_with("replica_state.json") { vec![0] } else { bytes }));
    assert!(error(&state).starts_with("`0/replica_state.json` cannot be parsed: "));
}

#[test]
fn a_segment_that_ends_early_is_named() {
    let half = rebuilt(|path, mut bytes| {
        if path.contains("5efbb82f") {
            // The last entry: one block of header, one of data.
            bytes.truncate(bytes.len() - 1024);
        }
        Some(bytes)
    });
    let error = error(&half);
    assert!(
        error.contains("5efbb82f") && error.ends_with("its last file is `snapshot/files/segment.json`"),
        "{error}"
    );
}
