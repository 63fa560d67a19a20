//! Reads shell scripts as a shell does: words, quotes, comments, here-documents, substitutions. Nothing is run.
//!
//! The grammar is that of POSIX (IEEE 1003.1, Shell Command Language) with the common extensions of bash. A script that a
//! shell would refuse is read as far as possible; reading never fails.

mod compound;
mod expand;
mod list;
mod parser;
mod redirect;
mod scan;
mod syntax;

pub(super) use expand::{ShellArgument, ShellScope};
pub(super) use list::parse;
pub(super) use syntax::ShellStatement;
