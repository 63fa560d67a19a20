//! Recognizes the data of known programs by the files that their servers always have.

use std::collections::BTreeSet;
use std::path::Path;

use super::KnownProgram;
use super::table::PROGRAMS;

/// How deep below a directory files are looked for: a setting may select a directory in a mount.
const DEPTH: usize = 3;

/// How many entries are looked at before it is given up.
const ENTRIES: usize = 2000;

/// What is in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileContents {
    Empty,
    /// The names of the programs whose files were found; none if no file is known.
    Of(BTreeSet<&'static str>),
}

impl FileContents {
    /// Looks into a directory. `None` if it is missing, cannot be read, or has too many files to tell.
    pub fn of(directory: &Path) -> Option<Self> {
        let mut found = Found::default();
        found.look(directory, DEPTH)?;
        match found.seen {
            0 => Some(Self::Empty),
            many if many > ENTRIES && found.programs.is_empty() => None,
            _ => Some(Self::Of(found.programs)),
        }
    }

    /// Whether it is the data of other programs.
    pub fn is_of_another(&self, program: &KnownProgram) -> bool {
        match self {
            Self::Empty => false,
            Self::Of(programs) => !programs.is_empty() && !programs.contains(program.name()),
        }
    }

    /// Whether it may be the data of a program: its files are there, or files that no program is known by while this one
    /// has none that it is known by either.
    pub fn may_be_of(&self, program: &KnownProgram) -> bool {
        match self {
            Self::Empty => false,
            Self::Of(programs) if program.files.is_empty() => programs.is_empty(),
            Self::Of(programs) => programs.contains(program.name()),
        }
    }
}

#[derive(Default)]
struct Found {
    seen: usize,
    programs: BTreeSet<&'static str>,
}

impl Found {
    fn look(&mut self, directory: &Path, depth: usize) -> Option<()> {
        for entry in std::fs::read_dir(directory).ok()?.flatten() {
            self.seen += 1;
            if self.seen > ENTRIES {
                break;
            }
            let name = entry.file_name();
            let has = |program: &&KnownProgram| program.files.iter().any(|file| *name.as_os_str() == **file);
            let known = PROGRAMS.iter().filter(has);
            self.programs.extend(known.map(KnownProgram::name));
            if depth > 1 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.look(&entry.path(), depth - 1);
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::program;
    use super::*;

    #[test]
    fn data_is_known_by_its_files() {
        let root = tempfile::tempdir().expect("a directory");
        let contents = || FileContents::of(root.path()).expect("readable");
        let postgres = program("postgres:17").expect("known");
        let (mysql, qdrant) = (program("mysql:8").expect("known"), program("qdrant/qdrant").expect("known"));
        assert_eq!(contents(), FileContents::Empty);
        assert!(!contents().may_be_of(qdrant), "nothing is there");
        std::fs::write(root.path().join("note"), "").expect("written");
        assert!(contents().may_be_of(qdrant), "nothing speaks against it");
        assert!(!contents().may_be_of(postgres) && !contents().is_of_another(postgres));
        std::fs::create_dir_all(root.path().join("pgdata/base")).expect("made");
        std::fs::write(root.path().join("pgdata/PG_VERSION"), "17").expect("written");
        assert!(contents().may_be_of(postgres));
        assert!(!contents().may_be_of(mysql) && !contents().may_be_of(qdrant));
        assert!(contents().is_of_another(mysql) && !contents().is_of_another(postgres));
        assert_eq!(FileContents::of(&root.path().join("missing")), None);
    }
}
