//! Extended attributes of files, ACLs among them.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{XattrFlags, lgetxattr, llistxattr, lremovexattr, lsetxattr};
use rustix::io::Errno;

/// The kernel's limit for the names of a file and for one value.
const MAX: usize = 64 * 1024;

/// Whether an attribute belongs to the data. Others are the file system's, the kernel's or a security module's of this
/// machine.
fn is_data(name: &[u8]) -> bool {
    let is_overlay = name.starts_with(b"trusted.overlay.");
    name.starts_with(b"user.")
        || (name.starts_with(b"trusted.") && !is_overlay)
        || matches!(name, b"security.capability" | b"system.posix_acl_access" | b"system.posix_acl_default")
}

/// The attributes of a file that belong to its data, by their names. Symbolic links are not followed.
pub(super) fn read(path: &Path) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut found = Vec::new();
    for name in names(path)? {
        let mut value = vec![0; MAX];
        match lgetxattr(path, name.as_c_str(), value.as_mut_slice()) {
            Ok(length) => {
                value.truncate(length);
                value.shrink_to_fit();
                found.push((name.into_bytes(), value));
            }
            // It was removed meanwhile.
            Err(Errno::NODATA) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// Gives a file exactly these attributes, among those that belong to its data. Symbolic links are not followed. `false` if the
/// file system does not support one.
pub(super) fn write<'a>(path: &Path, wanted: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> io::Result<bool> {
    let wanted: Vec<(&[u8], &[u8])> = wanted.filter(|(name, _)| is_data(name)).collect();
    let now = read(path)?;
    let mut is_supported = true;
    for (name, _) in &now {
        if wanted.iter().all(|(other, _)| other != name) {
            lremovexattr(path, OsStr::from_bytes(name))?;
        }
    }
    for (name, value) in wanted {
        if now.iter().all(|(other, known)| other != name || known != value) {
            match lsetxattr(path, OsStr::from_bytes(name), value, XattrFlags::empty()) {
                Ok(()) => {}
                Err(Errno::OPNOTSUPP) => is_supported = false,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(is_supported)
}

fn names(path: &Path) -> io::Result<Vec<CString>> {
    let mut list = vec![0; MAX];
    let length = match llistxattr(path, list.as_mut_slice()) {
        Ok(length) => length,
        // The file system has none.
        Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let names = list[..length].split_inclusive(|byte| *byte == 0);
    let names = names.filter_map(|name| CStr::from_bytes_with_nul(name).ok());
    Ok(names.filter(|name| is_data(name.to_bytes())).map(CStr::to_owned).collect())
}
