//! Breaks text into lines that fit.

use textwrap::core::Word;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// Lines of a message continue below the text after `safe-compose: `.
pub(super) const HANGING: &str = "              ";

/// Fills lines of some width, with an indent of the first line and one of the others. What stands in backticks is never
/// broken: it may be a command to copy.
pub(super) fn fill(text: &str, width: usize, first: &str, rest: &str) -> String {
    let options = Options::new(width)
        .initial_indent(first)
        .subsequent_indent(rest)
        .break_words(false)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .word_separator(WordSeparator::Custom(words))
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::fill(text, options)
}

/// Fills each line of a text, the indent of a line two columns deeper where it goes on.
pub(super) fn fill_lines(text: &str, width: usize) -> String {
    let mut filled = String::new();
    for line in text.lines() {
        let (indent, line) = line.split_at(line.len() - line.trim_start().len());
        filled.push_str(&fill(line, width, indent, &format!("{indent}  ")));
        filled.push('\n');
    }
    filled
}

fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let mut words = Vec::new();
    let mut start = 0;
    let (mut is_quoted, mut is_space) = (false, false);
    for (at, letter) in line.char_indices() {
        if letter == ' ' && !is_quoted {
            is_space = true;
            continue;
        }
        if is_space {
            words.push(Word::from(&line[start..at]));
            (start, is_space) = (at, false);
        }
        if letter == '`' {
            // One without a partner quotes nothing.
            is_quoted = !is_quoted && line[at + 1..].contains('`');
        }
    }
    words.push(Word::from(&line[start..]));
    Box::new(words.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_on_below_the_mark() {
        let text = "the backup of `qdrant` failed, so the command was not run";
        assert_eq!(
            fill(text, 30, "mark: ", "      "),
            "mark: the backup of `qdrant`\n      failed, so the command\n      was not run"
        );
        assert_eq!(fill("", 30, "mark: ", "      "), "mark: ");
    }

    #[test]
    fn what_is_quoted_is_never_broken() {
        let text = "run `docker compose down --volumes --timeout 20` or not";
        assert_eq!(fill(text, 20, "", ""), "run\n`docker compose down --volumes --timeout 20`\nor not");
        assert_eq!(fill("one ` two three four", 9, "", ""), "one ` two\nthree\nfour");
        assert_eq!(
            fill("/a/path/that/is/longer/than/a/line", 10, "", ""),
            "/a/path/that/is/longer/than/a/line"
        );
    }

    #[test]
    fn a_colour_takes_no_room() {
        assert_eq!(fill("one two", 9, "\u{1b}[33mm:\u{1b}[0m ", "   "), "\u{1b}[33mm:\u{1b}[0m one\n   two");
    }

    #[test]
    fn each_line_keeps_its_indent() {
        assert_eq!(fill_lines("  one two three\n\nfour\n", 10), "  one two\n    three\n\nfour\n");
    }
}
