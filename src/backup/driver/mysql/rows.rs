//! Counts the rows in a dump while it is written: `mysqldump` reads a snapshot that no other connection can see.
//!
//! A dump has one `INSERT INTO` for many rows, and escapes line ends in values. The bodies of routines, triggers and events
//! stand between lines with `DELIMITER`, and are not counted.

use std::collections::BTreeMap;

const INSERT: &[u8] = b"INSERT INTO `";
const BEGIN_BODY: &[u8] = b"DELIMITER ;;";
const END_BODY: &[u8] = b"DELIMITER ;";

/// Where the reading stands.
#[derive(Debug)]
enum State {
    /// In a line of which nothing is known yet.
    Start(Vec<u8>),
    /// In a line that does not count.
    Other,
    /// In the name of a table, which may contain a doubled quote.
    Table { name: Vec<u8>, quoted: bool },
    /// After it, where the columns are listed if one of the table's is generated, up to `VALUES`.
    Columns { in_name: bool },
    /// In the values, so deep in parentheses.
    Values { depth: u32, in_string: bool, escaped: bool },
}

/// See the head of this file.
#[derive(Debug)]
pub(super) struct RowCounter {
    state: State,
    in_body: bool,
    table: String,
    /// By table.
    pub(super) rows: BTreeMap<String, u64>,
}

impl Default for RowCounter {
    fn default() -> Self {
        Self { state: State::Start(Vec::new()), in_body: false, table: String::new(), rows: BTreeMap::new() }
    }
}

impl RowCounter {
    pub(super) fn read(&mut self, chunk: &[u8]) {
        for byte in chunk {
            self.step(*byte);
        }
    }

    fn step(&mut self, byte: u8) {
        match &mut self.state {
            State::Start(line) => {
                if byte == b'\n' {
                    match line.as_slice() {
                        BEGIN_BODY => self.in_body = true,
                        END_BODY => self.in_body = false,
                        _ => {}
                    }
                    line.clear();
                    return;
                }
                line.push(byte);
                if line == INSERT && !self.in_body {
                    self.state = State::Table { name: Vec::new(), quoted: false };
                } else if ![INSERT, BEGIN_BODY].iter().any(|known| known.starts_with(line)) {
                    self.state = State::Other;
                }
            }
            State::Other => {
                if byte == b'\n' {
                    self.state = State::Start(Vec::new());
                }
            }
            State::Table { name, quoted } => match (byte, *quoted) {
                (b'`', false) => *quoted = true,
                (b'`', true) => {
                    name.push(byte);
                    *quoted = false;
                }
                (_, true) => {
                    self.table = String::from_utf8_lossy(name).into_owned();
                    self.state = State::Columns { in_name: false };
                }
                (_, false) => name.push(byte),
            },
            State::Columns { in_name } => match byte {
                b'`' => *in_name = !*in_name,
                b'V' if !*in_name => {
                    self.state = State::Values { depth: 0, in_string: false, escaped: false };
                }
                _ => {}
            },
            State::Values { depth, in_string, escaped } => {
                if *in_string {
                    match byte {
                        _ if *escaped => *escaped = false,
                        b'\\' => *escaped = true,
                        b'\'' => *in_string = false,
                        _ => {}
                    }
                    return;
                }
                match byte {
                    b'\'' => *in_string = true,
                    b'(' => {
                        if *depth == 0 {
                            *self.rows.entry(self.table.clone()).or_default() += 1;
                        }
                        *depth += 1;
                    }
                    b')' => *depth = depth.saturating_sub(1),
                    b';' if *depth == 0 => self.state = State::Other,
                    _ => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = r"-- INSERT INTO `no` VALUES (1);
CREATE TABLE `t` (
  `n` int DEFAULT NULL COMMENT 'INSERT INTO `no`'
);
INSERT INTO `t` VALUES
(1,'a (b), c; \'d\\'),
(2,_binary 'x''y\n(');
INSERT INTO `we``ird` VALUES (0xFF,NULL),(3,'');
INSERT INTO `t` VALUES (3,'');
DELIMITER ;;
CREATE PROCEDURE p()
BEGIN
INSERT INTO `t` VALUES (1);
END ;;
DELIMITER ;
INSERT INTO `generated` (`a(V``'s`, `b`) VALUES (1,2),
(3,4);
INSERT INTO `after` VALUES (1);
-- Dump completed
";

    #[test]
    fn rows_are_counted_however_the_dump_is_cut() {
        for size in [1, 2, 3, 7, 64, DUMP.len()] {
            let mut counter = RowCounter::default();
            DUMP.as_bytes().chunks(size).for_each(|chunk| counter.read(chunk));
            let rows: Vec<(&str, u64)> =
                counter.rows.iter().map(|(table, rows)| (table.as_str(), *rows)).collect();
            assert_eq!(rows, [("after", 1), ("generated", 2), ("t", 3), ("we`ird", 2)], "{size}");
        }
    }
}
