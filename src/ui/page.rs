//! Text whose lines are only broken when it is known how wide they may be.

use super::printable::printable;
use super::table::Table;
use super::wrap;

/// Paragraphs and tables, one below the other.
#[derive(Debug, Clone, Default)]
pub struct Page(Vec<Block>);

#[derive(Debug, Clone)]
enum Block {
    /// Sentences for people.
    Text(String),
    /// Lines that must stay as they are: what programs read, and what is to be copied.
    Verbatim(String),
    /// Bytes that count: a patch, or text with colours, of which whoever made it has removed what must not be shown.
    Raw(String),
    Table(Table),
}

impl Page {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds lines for people, each of which is wrapped.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.with(Block::Text(text.into()))
    }

    /// Adds lines that are never wrapped.
    #[must_use]
    pub fn verbatim(self, text: impl Into<String>) -> Self {
        self.with(Block::Verbatim(text.into()))
    }

    /// Adds text of which not a byte is changed.
    #[must_use]
    pub fn raw(self, text: impl Into<String>) -> Self {
        self.with(Block::Raw(text.into()))
    }

    #[must_use]
    pub fn table(self, table: Table) -> Self {
        self.with(Block::Table(table))
    }

    /// Adds an empty line.
    #[must_use]
    pub fn blank(self) -> Self {
        self.verbatim("\n")
    }

    /// Adds another page below.
    #[must_use]
    pub fn page(mut self, page: Self) -> Self {
        self.0.extend(page.0);
        self
    }

    fn with(mut self, block: Block) -> Self {
        self.0.push(block);
        self
    }

    /// The lines, each of them ended.
    pub fn render(&self, width: usize) -> String {
        let mut text = String::new();
        for block in &self.0 {
            match block {
                Block::Text(lines) => text.push_str(&wrap::fill_lines(&printable(lines), width)),
                Block::Verbatim(lines) => push_lines(&mut text, &printable(lines)),
                Block::Raw(lines) => push_lines(&mut text, lines),
                Block::Table(table) => text.push_str(&table.render(width)),
            }
        }
        text
    }
}

fn push_lines(text: &mut String, lines: &str) {
    text.push_str(lines);
    if !lines.ends_with('\n') {
        text.push('\n');
    }
}

/// What is a string already stays as it is: programs may read it.
impl From<String> for Page {
    fn from(text: String) -> Self {
        Self::new().verbatim(text)
    }
}

impl From<&str> for Page {
    fn from(text: &str) -> Self {
        Self::new().verbatim(text)
    }
}

impl From<Table> for Page {
    fn from(table: Table) -> Self {
        Self::new().table(table)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::Column;
    use super::*;

    #[test]
    fn control_characters_are_only_printed_where_bytes_count() {
        let page = |block: fn(Page, &str) -> Page| block(Page::new(), "a\u{1b}[2J\r").render(80);
        assert_eq!(page(|page, text| page.text(text)), "a\\u001b[2J\\u000d\n");
        assert_eq!(page(|page, text| page.verbatim(text)), "a\\u001b[2J\\u000d\n");
        assert_eq!(page(|page, text| page.raw(text)), "a\u{1b}[2J\r\n");
    }

    #[test]
    fn only_text_for_people_is_wrapped() {
        let table = Table::new(&[Column::fixed("A")], vec![vec!["1".to_owned()]]);
        let page =
            Page::new().text("one two three").blank().table(table).verbatim("{\"one\": \"two three\"}");
        assert_eq!(page.render(8), "one two\n  three\n\n  A\n  1\n{\"one\": \"two three\"}\n");
        assert_eq!(Page::from("one two three").render(8), "one two three\n");
    }
}
