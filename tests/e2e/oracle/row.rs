//! One row of the catalogue, as data.
//!
//! In files and lines `{P}` stands for the project's name, `{S}` for a service's image and network, `{V}` for the same
//! with an image that has `VOLUME /imgvol`, `{I}` for the images' name without a tag, and `{D}` for the project directory.

use crate::support::Compose;

/// What became of the data in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The service sees it.
    Kept,
    /// It is on disk, but the service does not see it.
    Orphaned,
    /// It is not on disk any more.
    Deleted,
}

/// A file by its path from the project directory.
pub type Files = &'static [(&'static str, &'static str)];

/// Command lines: Compose's words, `docker …`, or `mv …`; with `@DIRECTORY ` in front, run there.
pub type Lines = &'static [&'static str];

/// One row.
pub struct Row {
    pub compose: Compose,
    /// The minor number of the engine's API from which on it can be tried: 45 for 1.45.
    pub api: u32,
    pub files: Files,
    /// Run before the data is written.
    pub setup: Lines,
    /// Written after the data.
    pub changed: Files,
    /// Run after the data was written.
    pub before: Lines,
    /// The commands under test, each on its own, one after the other.
    pub words: Lines,
    pub environment: &'static [(&'static str, &'static str)],
    pub stdin: &'static str,
    /// The commands are run through us and not by the real Compose: for what cannot happen that way.
    pub through_us: bool,
    /// Run by the real Compose before looking, in its usual environment.
    pub after: Lines,
    /// What becomes of each place: `[PROJECT/]SERVICE[.NUMBER]:PATH`.
    pub fates: &'static [(&'static str, Fate)],
    /// Where to look for the data of a service afterwards, when that is not the service itself.
    pub looks: &'static [(&'static str, &'static str)],
    /// Why the prediction may be worse than what happens.
    pub conservative: Option<&'static str>,
}

/// A row with the usual set-up, to be filled in.
pub const ROW: Row = Row {
    compose: Compose::V2,
    api: 0,
    files: &[],
    setup: &["up -d"],
    changed: &[],
    before: &[],
    words: &[],
    environment: &[],
    stdin: "",
    through_us: false,
    after: &["up -d"],
    fates: &[],
    looks: &[],
    conservative: None,
};

/// Turns rows into tests of the same name.
macro_rules! rows {
    ($($(#[$meta:meta])* $name:ident: $row:expr;)+) => {
        $(
            #[test]
            $(#[$meta])*
            fn $name() {
                const ROW_UNDER_TEST: &$crate::oracle::row::Row = &$row;
                $crate::oracle::trial::check(stringify!($name), ROW_UNDER_TEST);
            }
        )+
    };
}

pub(super) use rows;
