//! Recognises misspelled names of our own commands.

use crate::compose::grammar::{Grammar, is_subcommand};
use crate::compose::invocation::OWN_COMMANDS;

/// Words that Compose understands and its tables do not list.
const INTERNAL: &[&str] =
    &["help", "completion", "__complete", "__completeNoDesc", "docker-cli-plugin-metadata"];

/// The command of ours that an unknown word probably means. `None` for every word that a Compose knows.
pub fn suggestion(word: &str) -> Option<&'static str> {
    if INTERNAL.contains(&word)
        || OWN_COMMANDS.contains(&word)
        || [Grammar::V1, Grammar::V2].iter().any(|grammar| is_subcommand(*grammar, word))
    {
        return None;
    }
    let (distance, nearest) = OWN_COMMANDS
        .iter()
        .map(|own| (strsim::damerau_levenshtein(word, own), *own))
        .min_by_key(|(distance, _)| *distance)?;
    // A third of the letters may be wrong, so that a short word is not taken for another.
    let allowed = nearest.len().min(word.chars().count()) / 3;
    (distance <= allowed).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_command_is_recognised() {
        for (typed, meant) in [
            ("bakcup", "backup"),
            ("bakcups", "backups"),
            ("restroe", "restore"),
            ("verfy", "verify"),
            ("statsu", "status"),
            ("unprotec", "unprotect"),
            ("complettions", "completions"),
            ("import-dat", "import-data"),
        ] {
            assert_eq!(suggestion(typed), Some(meant), "{typed}");
        }
    }

    #[test]
    fn a_word_of_composes_is_never_taken_for_ours() {
        for grammar in [Grammar::V1, Grammar::V2] {
            for command in grammar.commands() {
                assert_eq!(suggestion(command.name), None, "{}", command.name);
            }
        }
        for word in ["help", "__complete", "backup", "import", "frobnicate", "", "x", "ma"] {
            assert_eq!(suggestion(word), None, "{word}");
        }
    }
}
