//! Recognises misspelled names of our own commands.

use crate::compose::invocation::OWN_COMMANDS;
use crate::compose::subcommand::Subcommand;

/// The command of ours that an unknown word probably means. `None` for every word that a Compose knows.
pub fn suggestion(word: &str) -> Option<&'static str> {
    if OWN_COMMANDS.contains(&word) {
        return None;
    }
    match Subcommand::from_name(word) {
        Subcommand::Guarded(_) | Subcommand::Harmless(_) => return None,
        Subcommand::Unknown(_) => {}
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
    use crate::compose::grammar::Grammar;

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
