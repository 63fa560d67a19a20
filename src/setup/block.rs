//! Lines of ours in a file of somebody else's: put in and taken out without changing any other byte.

use super::pre_commit;
use super::step::BlockPlace;

/// The first line of a block.
pub(super) fn begin(what: &str) -> String {
    format!("# >>> safe-compose setup: {what} >>>")
}

/// The last line of a block.
pub(super) fn end(what: &str) -> String {
    format!("# <<< safe-compose setup: {what} <<<")
}

/// A complete block.
pub(super) fn block(what: &str, lines: &str) -> String {
    format!("{}\n{lines}\n{}\n", begin(what), end(what))
}

/// The text with the block in its place, and the exact text that was put in. `None` if it has no such place.
pub(super) fn insert(text: &str, block: &str, place: BlockPlace) -> Option<(String, String)> {
    let (at, block) = match place {
        BlockPlace::End => (text.len(), block.to_owned()),
        BlockPlace::Repositories => pre_commit::place(text, block)?,
    };
    let separator = if at == 0 || text[..at].ends_with('\n') { "" } else { "\n" };
    let inserted = format!("{separator}{block}");
    Some((format!("{}{inserted}{}", &text[..at], &text[at..]), inserted))
}

/// The text without what was put in. If it was changed since, the lines from its first to its last are taken out.
pub(super) fn take_out(text: &str, inserted: &str) -> Option<String> {
    if let Some(at) = text.find(inserted) {
        return Some(format!("{}{}", &text[..at], &text[at + inserted.len()..]));
    }
    let mut lines = inserted.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.find(|line| line.starts_with("# >>> safe-compose setup: "))?;
    let last = first.replace(">>>", "<<<");
    let start = text.find(first)?;
    let start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let stop = start + text[start..].find(&last)?;
    let stop = text[stop..].find('\n').map_or(text.len(), |at| stop + at + 1);
    Some(format!("{}{}", &text[..start], &text[stop..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_comes_out_without_a_trace() {
        let block = block("alias", "alias x=y");
        for text in ["", "a\n", "a", "a\n\n", "\n"] {
            let (with, inserted) = insert(text, &block, BlockPlace::End).expect("the end is a place");
            assert!(with.ends_with(&block) && with.lines().any(|line| line == "alias x=y"), "{with:?}");
            assert_eq!(take_out(&with, &inserted).as_deref(), Some(text));
            let later = format!("{with}more\n");
            assert_eq!(take_out(&later, &inserted), Some(format!("{text}more\n")));
        }
    }

    #[test]
    fn a_block_that_was_edited_is_taken_out_by_its_ends() {
        let block = block("alias", "alias x=y");
        let (with, inserted) = insert("a\n", &block, BlockPlace::End).expect("the end is a place");
        let edited = with.replace("alias x=y", "alias x=z\nalias y=z");
        assert_eq!(take_out(&edited, &inserted).as_deref(), Some("a\n"));
        assert_eq!(take_out("a\n", &inserted), None);
    }
}
