//! A page of text for people: lines, lists and tables, with colour where the terminal takes it.

use std::fmt::Display;

use comfy_table::{
    Attribute, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width, presets,
};
use jiff::Timestamp;

/// Spaces between columns.
const GAP: u16 = 2;
/// Words up to this length are not broken when a table is fitted to the terminal: half an address helps nobody.
const UNBROKEN: usize = 24;

/// What a text tells at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Not yet, or not quite.
    Doubtful,
    /// Wrong.
    Bad,
    /// What matters most.
    Strong,
    /// What matters least.
    Faint,
}

impl Tone {
    /// Good if `good`, else doubtful.
    pub fn of(good: bool) -> Self {
        if good { Tone::Good } else { Tone::Doubtful }
    }

    /// The SGR codes, empty for plain text.
    fn codes(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Good => "32",
            Tone::Doubtful => "33",
            Tone::Bad => "31",
            Tone::Strong => "1",
            Tone::Faint => "2",
        }
    }
}

/// A table's cell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    text: String,
    tone: Tone,
    right: bool,
}

impl Cell {
    /// Text in a tone.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: clean(&text.into()), tone, right: false }
    }

    /// A number, set to the right.
    pub fn number(number: impl Display + Copy) -> Self {
        Self::quantity(number.to_string())
    }

    /// A number with its unit, set to the right.
    pub fn quantity(text: impl Into<String>) -> Self {
        Self { right: true, ..Self::toned(text, Tone::Plain) }
    }

    /// `have/want`, doubtful unless equal.
    pub fn ratio(have: u32, want: u32) -> Self {
        Self { right: true, ..Self::toned(format!("{have}/{want}"), Tone::of(have == want)) }
    }

    /// The text, or a hyphen where there is none.
    pub fn maybe(text: Option<impl ToString>) -> Self {
        text.map_or_else(|| Self::toned("-", Tone::Faint), |text| text.to_string().into())
    }

    /// The items with commas between them, or a hyphen where there are none.
    pub fn list(items: &[String]) -> Self {
        Self::maybe((!items.is_empty()).then(|| items.join(", ")))
    }

    /// The items one below the other, or a hyphen where there are none.
    pub fn stack(items: &[String]) -> Self {
        if items.is_empty() {
            return Self::maybe(None::<String>);
        }
        let lines: Vec<_> = items.iter().map(|item| clean(item)).collect();
        Self { text: lines.join("\n"), ..Self::default() }
    }

    fn longest_word(&self) -> usize {
        self.text.split_whitespace().map(|word| word.chars().count()).max().unwrap_or_default()
    }

    /// The same cell in another tone.
    pub fn tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

/// `text` without control characters: what comes over the network must not drive the terminal.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A page under construction.
#[derive(Debug)]
pub struct Page {
    text: String,
    now: Timestamp,
    colour: bool,
    fit: bool,
}

impl Page {
    /// An empty page: `colour` allows colours, `fit` wraps tables to the terminal's width.
    pub fn new(now: Timestamp, colour: bool, fit: bool) -> Self {
        Self { text: String::new(), now, colour, fit }
    }

    /// The page's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The time at which the page is drawn, against which ages count.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Adds a line.
    pub fn line(&mut self, text: impl AsRef<str>) {
        self.toned_line(text, Tone::Plain);
    }

    /// Adds a line in a tone.
    pub fn toned_line(&mut self, text: impl AsRef<str>, tone: Tone) {
        let text = clean(text.as_ref());
        let painted = self.paint(&text, tone);
        self.text.push_str(&painted);
        self.text.push('\n');
    }

    /// Adds a text of many lines.
    pub fn lines(&mut self, text: &str) {
        text.lines().for_each(|line| self.line(line));
    }

    /// Adds a heading, apart from what stands before it.
    pub fn heading(&mut self, text: &str) {
        self.gap();
        self.toned_line(text, Tone::Strong);
    }

    /// Leaves a line empty, unless the page begins here.
    pub fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    /// Adds a list of lines under a heading; nothing at all without items.
    pub fn list(&mut self, heading: &str, items: &[String], tone: Tone) {
        if items.is_empty() {
            return;
        }
        self.heading(heading);
        for item in items {
            self.toned_line(format!("  {item}"), tone);
        }
    }

    /// Adds `key  value` lines with the values in one column.
    pub fn pairs(&mut self, pairs: Vec<(&str, Cell)>) {
        let row = |(key, value): (&str, Cell)| vec![Cell::toned(key, Tone::Faint), value];
        let rows: Vec<_> = pairs.into_iter().map(row).collect();
        self.draw_table(&[], &rows);
    }

    /// Adds a table; `none` stands for one without rows.
    pub fn table(&mut self, header: &[&str], rows: impl IntoIterator<Item = Vec<Cell>>, none: &str) {
        let rows: Vec<_> = rows.into_iter().collect();
        if rows.is_empty() {
            self.toned_line(none, Tone::Faint);
        } else {
            self.draw_table(header, &rows);
        }
    }

    fn draw_table(&mut self, header: &[&str], rows: &[Vec<Cell>]) {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if self.fit {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        }
        if !self.colour {
            // Wrapping wants the terminal's width, which the table would no longer look up.
            if let (true, Some(width)) = (self.fit, table.width()) {
                table.set_width(width);
            }
            table.force_no_tty();
        } else {
            table.enforce_styling();
        }
        let right: Vec<bool> =
            rows.first().map_or_else(Vec::new, |row| row.iter().map(|c| c.right).collect());
        if !header.is_empty() {
            table.set_header(header.iter().enumerate().map(|(index, title)| {
                let right = right.get(index).copied().unwrap_or_default();
                self.cell(&Cell { text: (*title).to_owned(), tone: Tone::Strong, right })
            }));
        }
        for row in rows {
            table.add_row(row.iter().map(|cell| self.cell(cell)));
        }
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, GAP));
            let cells = rows.iter().filter_map(|row| row.get(index));
            let longest = cells.map(Cell::longest_word).max().unwrap_or_default();
            let width = u16::try_from(longest.min(UNBROKEN)).unwrap_or_default() + GAP;
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
        }
        self.text.push_str(&table.trim_fmt());
        self.text.push('\n');
    }

    fn cell(&self, cell: &Cell) -> comfy_table::Cell {
        let mut drawn = comfy_table::Cell::new(&cell.text);
        if cell.right {
            drawn = drawn.set_alignment(CellAlignment::Right);
        }
        match cell.tone {
            _ if !self.colour => drawn,
            Tone::Plain => drawn,
            Tone::Good => drawn.fg(Color::DarkGreen),
            Tone::Doubtful => drawn.fg(Color::DarkYellow),
            Tone::Bad => drawn.fg(Color::DarkRed),
            Tone::Strong => drawn.add_attribute(Attribute::Bold),
            Tone::Faint => drawn.add_attribute(Attribute::Dim),
        }
    }

    fn paint(&self, text: &str, tone: Tone) -> String {
        match tone.codes() {
            codes if self.colour && !codes.is_empty() => format!("\x1b[{codes}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        Page::new(Timestamp::UNIX_EPOCH, false, false)
    }

    #[test]
    fn a_table_has_a_header_two_spaces_between_columns_and_none_at_the_end() {
        let mut page = page();
        page.table(
            &["NODE", "ROUTERS", "NOTE"],
            vec![
                vec!["seattle".into(), Cell::ratio(3, 3), Cell::list(&[])],
                vec!["la".into(), Cell::ratio(2, 13), "x".into()],
            ],
            "nothing",
        );
        assert_eq!(page.text(), "NODE     ROUTERS  NOTE\nseattle      3/3  -\nla          2/13  x\n");
    }

    #[test]
    fn an_empty_table_says_so() {
        let mut page = page();
        page.table(&["NODE"], Vec::new(), "no nodes");
        assert_eq!(page.text(), "no nodes\n");
    }

    #[test]
    fn nothing_from_the_network_drives_the_terminal() {
        let mut page = Page::new(Timestamp::UNIX_EPOCH, true, false);
        page.line("a\x1b[2Jb");
        page.table(&["X"], vec![vec![Cell::stack(&["c\x1b]0;d".to_owned()])]], "");
        assert!(page.text().contains("a\u{fffd}[2Jb"), "{:?}", page.text());
        assert!(page.text().contains("c\u{fffd}]0;d"), "{:?}", page.text());
    }

    #[test]
    fn colour_comes_only_where_it_is_allowed() {
        let draw = |colour| {
            let mut page = Page::new(Timestamp::UNIX_EPOCH, colour, false);
            page.heading("pending");
            page.table(&["X"], vec![vec![Cell::toned("down", Tone::Bad)]], "");
            page.text().contains('\x1b')
        };
        assert!(draw(true));
        assert!(!draw(false));
    }
}
