//! Addresses of repositories.

use crate::backup::repository::RepositoryLocation;

pub(super) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match RepositoryLocation::parse(text) {
        Ok(location) => {
            let shown = location.to_string();
            if let RepositoryLocation::Rest(url) = &location
                && let Some(password) = url.password()
            {
                assert!(shown.contains(":***@"), "{shown:?} shows {password:?}");
            } else if !matches!(location, RepositoryLocation::Local(_)) {
                // Where a path may begin with anything, a scheme is not read again.
                let again = RepositoryLocation::parse(&shown).expect("what is shown is an address");
                assert_eq!(again, location, "shown as {shown:?}");
            }
            if let RepositoryLocation::Sftp(sftp) = &location {
                assert!(!sftp.host.starts_with('-'), "an option of ssh");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
