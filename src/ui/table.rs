//! Columns of text, as wide as what is in them.

use console::measure_text_width;

/// Lays out rows under their headings, two spaces in.
pub fn render(headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter()
            .map(|row| measure_text_width(&row[column]))
            .chain([measure_text_width(headings[column])])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::from("  ");
        for (cell, width) in cells.zip(&widths) {
            text.push_str(cell);
            text.push_str(&" ".repeat(width - measure_text_width(cell) + 3));
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    };
    let mut text = line(&mut headings.iter().copied());
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows =
            vec![vec!["demo_data".to_owned(), "1.2 MB".to_owned()], vec!["ü".to_owned(), String::new()]];
        assert_eq!(render(&["VOLUME", "SIZE"], &rows), "  VOLUME      SIZE\n  demo_data   1.2 MB\n  ü\n");
    }
}
