//! The records of a pax extended header, and the times in them.

use std::io;

/// The prefix of records with extended attributes, as GNU tar, bsdtar and the engine write and read them.
pub(in crate::backup) const XATTR: &[u8] = b"SCHILY.xattr.";

/// The records of an extended header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::backup) struct PaxRecords(Vec<(Vec<u8>, Vec<u8>)>);

impl PaxRecords {
    /// Adds the records of a header; what was there under the same keys is replaced.
    pub(in crate::backup) fn merge(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() && bytes[0] != 0 {
            let (key, value, rest) = record(bytes).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidData, "an extended header is malformed")
            })?;
            self.set(key, value.to_vec());
            bytes = rest;
        }
        Ok(())
    }

    pub(in crate::backup) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_slice())
    }

    pub(in crate::backup) fn set(&mut self, key: &[u8], value: Vec<u8>) {
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => *known = value,
            None => self.0.push((key.to_vec(), value)),
        }
    }

    pub(in crate::backup) fn remove(&mut self, key: &[u8]) {
        self.0.retain(|(known, _)| known != key);
    }

    pub(in crate::backup) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a value has a line break.
    pub(in crate::backup) fn has_line_break(&self) -> bool {
        self.0.iter().any(|(_, value)| value.contains(&b'\n'))
    }

    /// The extended attributes, by their names.
    pub(in crate::backup) fn attributes(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().filter_map(|(key, value)| Some((key.strip_prefix(XATTR)?, value.as_slice())))
    }

    /// Sets an extended attribute.
    pub(in crate::backup) fn set_attribute(&mut self, name: &[u8], value: Vec<u8>) {
        self.set(&[XATTR, name].concat(), value);
    }

    /// The content of the header: extended attributes last, in order, so that equal records have equal bytes.
    pub(in crate::backup) fn to_bytes(&self) -> Vec<u8> {
        let mut records: Vec<&(Vec<u8>, Vec<u8>)> = self.0.iter().collect();
        records.sort_by_key(|(key, _)| (key.starts_with(XATTR), key.clone()));
        let mut bytes = Vec::new();
        for (key, value) in records {
            let body = [b" ", key.as_slice(), b"=", value.as_slice(), b"\n"].concat();
            // The length counts its own digits.
            let mut length = body.len() + 1;
            while length != body.len() + length.to_string().len() {
                length = body.len() + length.to_string().len();
            }
            bytes.extend(length.to_string().into_bytes());
            bytes.extend(body);
        }
        bytes
    }
}

/// The key and the value of the first record, and what follows it.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
    let body = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    Some((&body[..equals], &body[equals + 1..], &bytes[length..]))
}

/// A time, in seconds since 1970, and nanoseconds after that second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileTime {
    pub(in crate::backup) seconds: i64,
    /// Less than 1,000,000,000.
    pub(in crate::backup) nanoseconds: u32,
}

const NANOSECONDS: u32 = 1_000_000_000;

impl FileTime {
    /// A decimal number.
    pub(in crate::backup) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (seconds, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if !(seconds.bytes().chain(fraction.bytes())).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let seconds: i64 = seconds.parse().ok()?;
        let nanoseconds: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        Some(match (is_negative, nanoseconds) {
            (false, _) => Self { seconds, nanoseconds },
            (true, 0) => Self { seconds: -seconds, nanoseconds },
            (true, _) => Self { seconds: -seconds - 1, nanoseconds: NANOSECONDS - nanoseconds },
        })
    }

    pub(in crate::backup) fn to_text(self) -> String {
        let Self { seconds, nanoseconds } = self;
        let (sign, seconds, nanoseconds) = match (seconds < 0, nanoseconds) {
            (false, _) => ("", seconds.unsigned_abs(), nanoseconds),
            (true, 0) => ("-", seconds.unsigned_abs(), 0),
            (true, _) => ("-", (seconds + 1).unsigned_abs(), NANOSECONDS - nanoseconds),
        };
        let text = format!("{sign}{seconds}.{nanoseconds:09}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_decimal_numbers_also_before_1970() {
        for (seconds, nanoseconds, text) in [
            (0, 0, "0"),
            (1_600_000_000, 123_456_789, "1600000000.123456789"),
            (7, 500_000_000, "7.5"),
            (-2, 500_000_000, "-1.5"),
            (-1, 999_999_999, "-0.000000001"),
            (-120, 0, "-120"),
        ] {
            let time = FileTime { seconds, nanoseconds };
            assert_eq!(time.to_text(), text);
            assert_eq!(FileTime::parse(text.as_bytes()), Some(time));
        }
        for text in ["", "-", "1.x", "0x1", "1e3"] {
            assert_eq!(FileTime::parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            all in prop::collection::btree_map("[a-zA-Z.]{1,20}", prop::collection::vec(any::<u8>(), 0..300), 0..5),
        ) {
            let mut records = PaxRecords::default();
            for (key, value) in &all {
                records.set(key.as_bytes(), value.clone());
            }
            let mut read = PaxRecords::default();
            read.merge(&records.to_bytes()).expect("sound");
            for (key, value) in &all {
                prop_assert_eq!(read.get(key.as_bytes()), Some(value.as_slice()));
            }
            prop_assert_eq!(read.to_bytes(), records.to_bytes());
        }

        #[test]
        fn no_header_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = PaxRecords::default().merge(&bytes);
        }
    }
}
