//! Estimates how small the files of a store become when they are compressed, from samples: for the first backup, which no
//! earlier one tells that.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use super::tree::{self, FileTree};
use crate::backup::driver::DriverTarget;
use crate::inventory::DataLocation;

/// How many places are looked at, evenly spread over all bytes.
const SAMPLES: u64 = 64;

/// The bytes of one sample, about as many as Zstandard compresses together.
const SAMPLE: usize = 128 * 1024;

/// The level of the archives.
const LEVEL: i32 = 3;

/// The bytes that an archive of these files takes, compressed, and a quarter more; never more than the files have. `None`
/// where they cannot be read.
pub(super) async fn estimate(
    target: DriverTarget<'_>,
    places: &[&DataLocation],
    tree: &FileTree,
) -> Option<u64> {
    let roots = tree::roots(target, places).await?;
    let space = tree.space;
    let sampled = tokio::task::spawn_blocking(move || {
        let mut sampler = Sampler { step: (space / SAMPLES).max(1), at: 0, next: 0, read: 0, compressed: 0 };
        roots.iter().try_for_each(|(_, on_host)| sampler.look(on_host, &on_host.symlink_metadata()?))?;
        Ok::<_, io::Error>(sampler.of(space))
    });
    sampled.await.ok()?.ok()
}

/// Reads samples at even distances.
struct Sampler {
    /// The bytes from one sample to the next.
    step: u64,
    /// The bytes of the files before this one.
    at: u64,
    /// Where the next sample is.
    next: u64,
    read: u64,
    compressed: u64,
}

impl Sampler {
    fn look(&mut self, path: &Path, meta: &Metadata) -> io::Result<()> {
        if meta.is_dir() {
            for entry in std::fs::read_dir(path)? {
                let path = entry?.path();
                self.look(&path, &path.symlink_metadata()?)?;
            }
        } else if meta.is_file() {
            let size = meta.size().min(meta.blocks().saturating_mul(512));
            while self.next < self.at + size {
                self.sample(path, self.next - self.at)?;
                self.next += self.step;
            }
            self.at += size;
        }
        Ok(())
    }

    fn sample(&mut self, path: &Path, offset: u64) -> io::Result<()> {
        let mut bytes = vec![0; SAMPLE];
        let count = File::open(path)?.read_at(&mut bytes, offset)?;
        self.read += count as u64;
        self.compressed += zstd::bulk::compress(&bytes[..count], LEVEL)?.len() as u64;
        Ok(())
    }

    /// What files of this size take.
    fn of(&self, space: u64) -> u64 {
        if self.read == 0 {
            return space;
        }
        let expected = u128::from(space) * u128::from(self.compressed) * 5 / (u128::from(self.read) * 4);
        u64::try_from(expected).unwrap_or(space).min(space)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sha2::{Digest as _, Sha256};

    use super::*;

    /// Bytes that no program compresses.
    fn noise(length: usize) -> Vec<u8> {
        (0..length.div_ceil(32))
            .flat_map(|number| Sha256::digest(number.to_le_bytes()))
            .take(length)
            .collect()
    }

    fn estimated(files: &[Vec<u8>]) -> (u64, u64) {
        let root = tempfile::tempdir().expect("a directory");
        for (number, content) in files.iter().enumerate() {
            fs::create_dir_all(root.path().join("below")).expect("made");
            fs::write(root.path().join(format!("below/{number}")), content).expect("written");
        }
        let space: u64 = files.iter().map(|content| content.len() as u64).sum();
        let mut sampler = Sampler { step: (space / SAMPLES).max(1), at: 0, next: 0, read: 0, compressed: 0 };
        sampler.look(root.path(), &root.path().symlink_metadata().expect("there")).expect("read");
        (sampler.of(space), space)
    }

    #[test]
    fn what_compresses_well_is_expected_to_be_small_and_nothing_to_grow() {
        let text = b"the same line again and again\n".repeat(100_000);
        let (small, space) = estimated(std::slice::from_ref(&text));
        assert!(small < space / 50, "{small} of {space}");
        let (large, space) = estimated(&[noise(3_000_000)]);
        assert_eq!(large, space);
        let (both, space) = estimated(&[text, noise(3_000_000)]);
        assert!((space / 2..space * 4 / 5).contains(&both), "{both} of {space}");
        assert_eq!(estimated(&[]), (0, 0));
    }
}
