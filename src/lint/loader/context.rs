//! Where a document comes from, for what it refers to.

use std::path::Path;

use super::variables::FileVariables;

/// The file of a document.
#[derive(Clone, Copy)]
pub(super) struct FileContext<'a> {
    pub(super) path: &'a Path,
    /// The directory that its relative paths start from.
    pub(super) base: &'a Path,
    pub(super) variables: &'a FileVariables,
}
