//! Tables that fit the screen: long columns are shortened, lines are never broken.

use std::borrow::Cow;

use console::measure_text_width;

use super::printable::printable_line;

/// What is left out of a cell.
const ELLIPSIS: char = '…';
/// Stands in front of each line.
const INDENT: usize = 2;
/// Stands in a cell with nothing in it.
const NOTHING: &str = "-";
/// The space between columns where there is not enough for more.
const NARROW_GAP: usize = 2;

/// A column, and how readily it gives up width.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    heading: &'static str,
    give: Give,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Give {
    /// Last: a number, a time, or a name that is to be copied.
    Last,
    /// A name that is still known by its head and tail.
    Second,
    /// First: words that only add to the rest, and are known by how they begin.
    First,
    /// As a whole: the column is left out of a table that is too wide.
    Whole,
}

/// Where a cell that is too long is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Middle,
    End,
}

impl Give {
    fn cut(self) -> Cut {
        match self {
            Self::Last | Self::Second => Cut::Middle,
            Self::First | Self::Whole => Cut::End,
        }
    }
}

/// What is tried, in this order, until a table fits.
const STEPS: [Step; 10] = [
    Step::Gap(NARROW_GAP),
    Step::Shrink { give: Give::First, least: 12 },
    Step::Shrink { give: Give::Second, least: 14 },
    Step::Shrink { give: Give::First, least: 6 },
    Step::Shrink { give: Give::Second, least: 6 },
    Step::Shrink { give: Give::Last, least: 4 },
    Step::Gap(1),
    Step::Shrink { give: Give::First, least: 1 },
    Step::Shrink { give: Give::Second, least: 1 },
    Step::Shrink { give: Give::Last, least: 1 },
];

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Makes the widest of some columns narrower, again and again.
    Shrink { give: Give, least: usize },
    /// Puts less space between columns.
    Gap(usize),
}

impl Column {
    /// A column that is shortened only when nothing else helps.
    pub const fn fixed(heading: &'static str) -> Self {
        Self { heading, give: Give::Last }
    }

    /// A column of names.
    pub const fn name(heading: &'static str) -> Self {
        Self { heading, give: Give::Second }
    }

    /// A column of words, which is shortened first, at its end.
    pub const fn detail(heading: &'static str) -> Self {
        Self { heading, give: Give::First }
    }

    /// A column that is only shown where there is space for all of it. Of several, the last is left out first.
    pub const fn extra(heading: &'static str) -> Self {
        Self { heading, give: Give::Whole }
    }
}

/// Rows below their headings. A cell with nothing in it is shown as a dash. A column of details is left out if it has
/// nothing in any row.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Each row has a cell for each column.
    pub fn new(columns: &[Column], rows: Vec<Vec<String>>) -> Self {
        let rows = rows.into_iter().map(|row| row.into_iter().map(clean).collect()).collect();
        Self { columns: columns.to_vec(), rows }
    }

    /// Lays it out, each line at most `width` columns wide.
    pub fn render(&self, width: usize) -> String {
        let (widths, gap) = self.fit(width);
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut text = " ".repeat(INDENT);
            for ((cell, width), column) in cells.zip(&widths).zip(&self.columns) {
                let Some(width) = width else { continue };
                let cell = shorten(cell, *width, column.give.cut());
                text.push_str(&cell);
                text.push_str(&" ".repeat(width - measure_text_width(&cell) + gap));
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
            text
        };
        let mut text = line(&mut self.columns.iter().map(|column| column.heading));
        for row in &self.rows {
            text.push_str(&line(&mut row.iter().map(String::as_str)));
        }
        text
    }

    /// The widths of the columns, and the gap between them. A column that is left out has none.
    fn fit(&self, width: usize) -> (Vec<Option<usize>>, usize) {
        let natural = |(at, column): (usize, &Column)| {
            let is_detail = matches!(column.give, Give::First | Give::Whole);
            if is_detail && self.rows.iter().all(|row| row[at] == NOTHING) {
                return None;
            }
            let cells = self.rows.iter().map(|row| measure_text_width(&row[at]));
            cells.chain([measure_text_width(column.heading)]).max()
        };
        let mut widths: Vec<Option<usize>> = self.columns.iter().enumerate().map(natural).collect();
        let mut gap = 3;
        let too_wide = |widths: &[Option<usize>], gap: usize| {
            let shown = widths.iter().flatten();
            let total = INDENT + shown.clone().sum::<usize>() + gap * shown.count().saturating_sub(1);
            total.saturating_sub(width)
        };
        for (at, column) in self.columns.iter().enumerate().rev() {
            if column.give == Give::Whole && too_wide(&widths, NARROW_GAP) > 0 {
                widths[at] = None;
            }
        }
        for step in STEPS {
            match step {
                Step::Gap(narrower) if too_wide(&widths, gap) > 0 => gap = narrower,
                Step::Gap(_) => {}
                Step::Shrink { give, least } => {
                    while too_wide(&widths, gap) > 0 {
                        let of_kind = widths.iter_mut().zip(&self.columns);
                        let widest = of_kind
                            .filter(|(_, column)| column.give == give)
                            .filter_map(|(width, _)| width.as_mut().filter(|width| **width > least))
                            .max_by_key(|width| **width);
                        let Some(widest) = widest else { break };
                        *widest -= 1;
                    }
                }
            }
        }
        (widths, gap)
    }
}

/// A cell is one line, and says when there is nothing to know.
fn clean(cell: String) -> String {
    if cell.trim().is_empty() {
        return NOTHING.to_owned();
    }
    match printable_line(&cell) {
        Cow::Owned(shown) => shown,
        Cow::Borrowed(_) => cell,
    }
}

/// Cuts what is too long: of a name the middle, so that its head and its tail stay.
fn shorten(cell: &str, width: usize, cut: Cut) -> String {
    if measure_text_width(cell) <= width {
        return cell.to_owned();
    }
    let letters: Vec<char> = cell.chars().collect();
    let room = width.saturating_sub(1);
    let for_tail = match cut {
        Cut::Middle => room / 2,
        Cut::End => 0,
    };
    let tail = fitting(letters.iter().rev(), for_tail);
    let head = fitting(letters.iter(), room - for_tail);
    let head: String = letters[..head].iter().collect();
    let tail: String = letters[letters.len() - tail..].iter().collect();
    format!("{}{ELLIPSIS}{}", head.trim_end(), tail.trim_start())
}

/// How many letters fit into a width.
fn fitting<'a>(letters: impl Iterator<Item = &'a char>, width: usize) -> usize {
    let mut used = 0;
    letters
        .take_while(|letter| {
            used += measure_text_width(letter.encode_utf8(&mut [0; 4]));
            used <= width
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] =
        &[Column::name("VOLUME"), Column::detail("CONTENTS"), Column::fixed("SIZE"), Column::fixed("BACKUP")];

    fn row(cells: [&str; 4]) -> Vec<String> {
        cells.map(str::to_owned).into()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![row(["demo_data", "3 files", "1.2 MB", "none"]), row(["ü", "", "", "none"])];
        assert_eq!(
            Table::new(COLUMNS, rows).render(80),
            "  VOLUME      CONTENTS   SIZE     BACKUP\n  demo_data   3 files    1.2 MB   none\n  ü           -          -        none\n"
        );
    }

    #[test]
    fn long_columns_are_shortened_in_the_middle_and_the_others_keep_their_width() {
        let rows = vec![row([
            "a_project_with_a_long_name_postgres_data",
            "12 collections, 1204 points",
            "205 kB",
            "db_backup_20260801_100000",
        ])];
        let table = Table::new(COLUMNS, rows);
        insta::assert_snapshot!(table.render(100), @r"
          VOLUME                                    CONTENTS               SIZE    BACKUP
          a_project_with_a_long_name_postgres_data  12 collections, 1204…  205 kB  db_backup_20260801_100000
        ");
        insta::assert_snapshot!(table.render(80), @r"
          VOLUME                         CONTENTS      SIZE    BACKUP
          a_project_with…_postgres_data  12 collecti…  205 kB  db_backup_20260801_100000
        ");
        insta::assert_snapshot!(table.render(60), @r"
          VOLUME          CONTEN…  SIZE    BACKUP
          a_proje…s_data  12 col…  205 kB  db_backup_20260801_100000
        ");
    }

    #[test]
    fn a_table_fits_whatever_is_in_it() {
        let long = "x".repeat(300);
        let table = Table::new(COLUMNS, vec![row([&long, &long, &long, "ä\u{4e2d}\u{6587}"]), row(["a"; 4])]);
        for width in [20, 40, 60, 79, 80, 81, 200] {
            for line in table.render(width).lines() {
                assert!(measure_text_width(line) <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn an_extra_column_is_complete_or_left_out() {
        let columns = [Column::fixed("NAME"), Column::extra("REASON"), Column::extra("SERVER")];
        let table = Table::new(&columns, vec![row(["shop_data", "before down", "1.19.0", ""])[..3].to_vec()]);
        let heading = |width| table.render(width).lines().next().map(str::to_owned).unwrap_or_default();
        assert_eq!(heading(80), "  NAME        REASON        SERVER");
        assert_eq!(heading(32), "  NAME       REASON       SERVER");
        assert_eq!(heading(31), "  NAME        REASON");
        assert_eq!(heading(20), "  NAME");
    }

    #[test]
    fn a_column_of_details_with_nothing_in_it_is_left_out() {
        let table = |contents| Table::new(COLUMNS, vec![row(["shop_data", contents, "", "none"])]).render(80);
        assert_eq!(table(""), "  VOLUME      SIZE   BACKUP\n  shop_data   -      none\n");
        assert!(table("3 files").contains("CONTENTS   SIZE"), "{}", table("3 files"));
    }

    #[test]
    fn a_cell_is_one_line() {
        let rows = vec![row(["a\nb", "c\td", "\u{1b}[2J", ""])];
        assert_eq!(Table::new(COLUMNS, rows).render(80).lines().count(), 2);
    }

    #[test]
    fn the_head_and_the_tail_of_a_name_stay() {
        assert_eq!(shorten("shop_postgres_data", 18, Cut::Middle), "shop_postgres_data");
        assert_eq!(shorten("shop_postgres_data", 11, Cut::Middle), "shop_…_data");
        assert_eq!(shorten("\u{4e2d}\u{6587}\u{5b57}\u{7b26}", 5, Cut::Middle), "\u{4e2d}…\u{7b26}");
        assert_eq!(shorten("abc", 1, Cut::Middle), "…");
        assert_eq!(shorten("3 collections, 1204 points", 14, Cut::End), "3 collections…");
    }
}
