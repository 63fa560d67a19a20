//! The short syntax of a mount: `[SOURCE:]TARGET[:OPTIONS]`.

/// The fields of a mount in short syntax.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::lint) struct ShortMountFields<'a> {
    pub(in crate::lint) source: Option<&'a str>,
    pub(in crate::lint) target: Option<&'a str>,
    pub(in crate::lint) options: &'a str,
}

/// Splits a mount at its colons, except for that of a Windows drive.
pub(in crate::lint) fn mount_fields(short: &str) -> ShortMountFields<'_> {
    match split(short).as_slice() {
        [] => ShortMountFields::default(),
        [target] => ShortMountFields { target: Some(target), ..ShortMountFields::default() },
        [source, target, rest @ ..] => ShortMountFields {
            source: Some(source),
            target: Some(target),
            options: rest.first().copied().unwrap_or_default(),
        },
    }
}

fn split(short: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut start = 0;
    for (at, letter) in short.char_indices() {
        let drive = at == start + 1 && short[start..].starts_with(|first: char| first.is_ascii_alphabetic());
        if letter == ':' && !drive {
            fields.push(&short[start..at]);
            start = at + 1;
        }
    }
    fields.push(&short[start..]);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_letter_does_not_split() {
        assert_eq!(split("data:/d:ro"), ["data", "/d", "ro"]);
        assert_eq!(split(r"C:\x:/d"), [r"C:\x", "/d"]);
        assert_eq!(split("/anon"), ["/anon"]);
        assert_eq!(split("n:/n"), ["n:/n"]);
    }
}
