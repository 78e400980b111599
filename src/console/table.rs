//! The one table: rows with identities, and what the operator did to them: sorted, filtered, marked, selected. Pure.
//!
//! Selection and marks are held by identity: they stay with their row however rows are sorted anew.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::filter::Filter;
use super::theme::Role;

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name in filters.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// Columns with a higher number go first when there is no room; 0 stays.
    pub priority: u8,
    /// Its width; text columns of priority 0 share what is left.
    pub width: u16,
    /// Stands at the right.
    pub right: bool,
    /// Takes what is left of the line.
    pub fills: bool,
}

impl Column {
    /// A column of text.
    pub const fn text(id: &'static str, title: &'static str, priority: u8, width: u16) -> Self {
        Self { id, title, priority, width, right: false, fills: false }
    }

    /// A column of numbers.
    pub const fn number(id: &'static str, title: &'static str, priority: u8, width: u16) -> Self {
        Self { id, title, priority, width, right: true, fills: false }
    }

    /// The same column, taking what is left of the line.
    #[must_use]
    pub const fn fill(self) -> Self {
        Self { fills: true, ..self }
    }
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// What is shown.
    pub text: String,
    /// By what it is sorted and compared, where that is a number.
    pub number: Option<f64>,
    /// How it is drawn.
    pub role: Role,
}

impl Cell {
    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), number: None, role: Role::Text }
    }

    /// A number as people read it.
    pub fn number(text: impl Into<String>, number: f64) -> Self {
        Self { text: text.into(), number: Some(number), role: Role::Text }
    }

    /// The same cell in another role.
    #[must_use]
    pub fn role(self, role: Role) -> Self {
        Self { role, ..self }
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it is about; unique in its table.
    pub id: String,
    /// Whether something is wrong with it.
    pub fault: bool,
    /// A cell a column.
    pub cells: Vec<Cell>,
}

/// What a panel shows as a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The columns.
    pub columns: &'static [Column],
    /// The rows in their own order.
    pub rows: Vec<Row>,
    /// What is said when there is no row.
    pub empty: &'static str,
}

/// What the operator did to a table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TableState {
    /// The column sorted by, and whether the largest comes first; none: the table's own order.
    pub sort: Option<(usize, bool)>,
    /// The filter as typed.
    pub filter: String,
    /// Only rows with a fault.
    pub faults: bool,
    /// Marked rows.
    pub marks: BTreeSet<String>,
    /// The selected row.
    pub selected: Option<String>,
    /// Where it was seen last, should it go.
    place: usize,
    /// The last row that was marked.
    anchor: Option<String>,
}

impl TableState {
    /// The rows to show, in order.
    pub fn visible<'t>(&self, table: &'t Table) -> Vec<&'t Row> {
        let filter = Filter::read(&self.filter, table.columns).unwrap_or_default();
        let mut rows: Vec<&Row> =
            table.rows.iter().filter(|row| (!self.faults || row.fault) && filter.holds(&row.cells)).collect();
        if let Some((column, reverse)) = self.sort {
            rows.sort_by(|a, b| {
                let order = compare(a.cells.get(column), b.cells.get(column));
                // Rows that are equal keep the table's own order in both directions.
                if reverse { order.reverse() } else { order }
            });
        }
        rows
    }

    /// Keeps selection within what is visible; a row that went leaves the selection at its place. Returns marks that went.
    pub fn settle(&mut self, table: &Table) -> Vec<String> {
        let visible = self.visible(table);
        let at = self.selected.as_ref().and_then(|id| visible.iter().position(|row| row.id == *id));
        self.place = at.unwrap_or(self.place).min(visible.len().saturating_sub(1));
        self.selected = visible.get(self.place).map(|row| row.id.clone());
        let gone: Vec<String> =
            self.marks.iter().filter(|id| table.rows.iter().all(|row| row.id != **id)).cloned().collect();
        self.marks.retain(|id| !gone.contains(id));
        gone
    }

    /// Moves the selection by so many rows, no further than the ends.
    pub fn step(&mut self, table: &Table, by: isize) {
        let last = self.visible(table).len().saturating_sub(1);
        let to = self.place.saturating_add_signed(by).min(last);
        self.select_place(table, to);
    }

    /// Selects the row at a place, no further than the last.
    pub fn select_place(&mut self, table: &Table, place: usize) {
        let visible = self.visible(table);
        self.place = place.min(visible.len().saturating_sub(1));
        self.selected = visible.get(self.place).map(|row| row.id.clone());
    }

    /// Selects a row by identity.
    pub fn select(&mut self, table: &Table, id: &str) {
        if self.visible(table).iter().any(|row| row.id == id) {
            self.selected = Some(id.to_owned());
        }
        self.settle(table);
    }

    /// Marks or unmarks the selected row and goes on to the next.
    pub fn mark(&mut self, table: &Table) {
        let Some(id) = self.selected.clone() else { return };
        if !self.marks.remove(&id) {
            self.marks.insert(id.clone());
            self.anchor = Some(id);
        }
        self.step(table, 1);
    }

    /// Marks every visible row from the last mark to the selected one.
    pub fn mark_range(&mut self, table: &Table) {
        let visible = self.visible(table);
        let anchor = self.anchor.as_ref().and_then(|id| visible.iter().position(|row| row.id == *id));
        let (from, to) = (anchor.unwrap_or(self.place).min(self.place), anchor.unwrap_or(0).max(self.place));
        let range = visible.iter().skip(from).take(to + 1 - from);
        self.marks.extend(range.map(|row| row.id.clone()));
        self.anchor.clone_from(&self.selected);
    }

    /// Sorts by the next column; after the last one by none.
    pub fn sort_next(&mut self, columns: usize) {
        self.sort = match self.sort {
            None if columns > 0 => Some((0, false)),
            Some((column, reverse)) if column + 1 < columns => Some((column + 1, reverse)),
            _ => None,
        };
    }

    /// Sorts the other way round.
    pub fn reverse(&mut self) {
        self.sort = Some(self.sort.map_or((0, true), |(column, reverse)| (column, !reverse)));
    }

    /// What an order is for: the marked rows in the table's order, else the selected one.
    pub fn targets(&self, table: &Table) -> Vec<String> {
        let marked: Vec<String> =
            table.rows.iter().filter(|row| self.marks.contains(&row.id)).map(|row| row.id.clone()).collect();
        if marked.is_empty() { self.selected.clone().into_iter().collect() } else { marked }
    }
}

/// Numbers by value, text by its letters; what has no number comes after what has.
fn compare(a: Option<&Cell>, b: Option<&Cell>) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else { return Ordering::Equal };
    match (a.number, b.number) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.text.cmp(&b.text),
    }
}

/// The columns that have room in `width`, with their widths; between two there is one column of space. Those with the
/// highest priority number go first. What is left over goes to those that fill, as far as `widest`, their longest text, needs
/// it: further, and the eye would lose the row.
pub fn fit(columns: &[Column], width: u16, widest: impl Fn(usize) -> u16) -> Vec<(usize, u16)> {
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    let need = |kept: &[usize]| -> u16 {
        kept.iter().map(|place| columns[*place].width.saturating_add(1)).sum::<u16>().saturating_sub(1)
    };
    while need(&kept) > width {
        let Some(worst) = kept
            .iter()
            .copied()
            .filter(|place| columns[*place].priority > 0)
            .max_by_key(|place| (columns[*place].priority, *place))
        else {
            break;
        };
        kept.retain(|place| *place != worst);
    }
    let mut spare = width.saturating_sub(need(&kept));
    let mut fitted: Vec<(usize, u16)> = kept.into_iter().map(|place| (place, columns[place].width)).collect();
    let wanted = |(place, width): (usize, u16)| {
        if columns[place].fills { widest(place).saturating_sub(width) } else { 0 }
    };
    loop {
        let hungry = fitted.iter().filter(|fit| wanted(**fit) > 0).count() as u16;
        if hungry == 0 || spare == 0 {
            return fitted;
        }
        let share = (spare / hungry).max(1);
        for fit in &mut fitted {
            let more = share.min(wanted(*fit)).min(spare);
            fit.1 += more;
            spare -= more;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLUMNS: [Column; 3] = [
        Column::text("name", "NAME", 0, 8).fill(),
        Column::number("lag", "LAG", 1, 4),
        Column::text("x", "X", 2, 4),
    ];

    fn table(rows: &[(u8, u8)]) -> Table {
        let row = |(id, lag): &(u8, u8)| Row {
            id: format!("b{id}"),
            fault: *lag > 2,
            cells: vec![
                Cell::text(format!("b{id}")),
                Cell::number(lag.to_string(), f64::from(*lag)),
                Cell::text("x"),
            ],
        };
        Table { columns: &COLUMNS, rows: rows.iter().map(row).collect(), empty: "" }
    }

    fn ids(state: &TableState, table: &Table) -> Vec<String> {
        state.visible(table).iter().map(|row| row.id.clone()).collect()
    }

    #[test]
    fn selection_stays_with_its_row_when_rows_are_sorted_anew() {
        let mut state = TableState { sort: Some((1, true)), ..TableState::default() };
        let before = table(&[(1, 0), (2, 5), (3, 1)]);
        state.settle(&before);
        assert_eq!(ids(&state, &before), ["b2", "b3", "b1"]);
        state.step(&before, 1);
        let after = table(&[(1, 9), (2, 0), (3, 4)]);
        assert!(state.settle(&after).is_empty());
        assert_eq!((state.selected.as_deref(), ids(&state, &after)[1].as_str()), (Some("b3"), "b3"));
    }

    #[test]
    fn a_row_that_goes_leaves_the_selection_at_its_place_and_its_mark_is_told() {
        let mut state = TableState::default();
        let before = table(&[(1, 0), (2, 0), (3, 0)]);
        state.settle(&before);
        state.mark(&before);
        assert_eq!(state.selected.as_deref(), Some("b2"));
        state.mark(&before);
        assert_eq!(state.targets(&before), ["b1", "b2"]);
        let after = table(&[(1, 0)]);
        assert_eq!(state.settle(&after), ["b2"]);
        assert_eq!((state.selected.as_deref(), state.targets(&after)), (Some("b1"), vec!["b1".to_owned()]));
    }

    #[test]
    fn a_range_is_marked_both_ways() {
        let rows = table(&[(1, 0), (2, 0), (3, 0), (4, 0)]);
        for (first, then) in [(0, 2), (2, 0)] {
            let mut state = TableState::default();
            state.select_place(&rows, first);
            state.mark(&rows);
            state.select_place(&rows, then);
            state.mark_range(&rows);
            assert_eq!(state.targets(&rows), ["b1", "b2", "b3"], "{first} {then}");
        }
    }

    #[test]
    fn columns_go_by_priority_and_the_name_stays() {
        let widths = |width| fit(&COLUMNS, width, |_| u16::MAX);
        assert_eq!(widths(18), [(0, 8), (1, 4), (2, 4)]);
        assert_eq!(widths(30), [(0, 20), (1, 4), (2, 4)]);
        assert_eq!(widths(17), [(0, 12), (1, 4)]);
        assert_eq!(widths(12), [(0, 12)]);
        assert_eq!(widths(1), [(0, 8)]);
    }

    #[test]
    fn a_column_fills_as_far_as_its_longest_text() {
        assert_eq!(fit(&COLUMNS, 100, |_| 12), [(0, 12), (1, 4), (2, 4)]);
        assert_eq!(fit(&COLUMNS, 100, |_| 3), [(0, 8), (1, 4), (2, 4)]);
        let two = [Column::text("a", "A", 0, 4).fill(), Column::text("b", "B", 0, 4).fill()];
        let widths = |width| fit(&two, width, |place| [6, 90][place]);
        assert_eq!(widths(59), [(0, 6), (1, 52)], "what one does not need is the other's");
        assert_eq!(widths(10), [(0, 5), (1, 4)]);
    }

    proptest! {
        /// Whatever is done and whatever comes in: what is selected is visible, what is marked exists, and a selected row
        /// that is still visible stays selected.
        #[test]
        fn selection_and_marks_hold(
            steps in proptest::collection::vec((0_u8..9, proptest::collection::vec((0_u8..12, 0_u8..5), 0..12)), 0..40),
        ) {
            let mut state = TableState::default();
            let mut rows = table(&[]);
            for (step, mut fresh) in steps {
                match step {
                    0 => state.step(&rows, 1),
                    1 => state.step(&rows, -3),
                    2 => state.mark(&rows),
                    3 => state.mark_range(&rows),
                    4 => state.sort_next(COLUMNS.len()),
                    5 => state.reverse(),
                    6 => state.faults = !state.faults,
                    7 => state.filter = if state.filter.is_empty() { "lag>1".into() } else { String::new() },
                    _ => {
                        fresh.sort_unstable();
                        fresh.dedup_by_key(|(id, _)| *id);
                        rows = table(&fresh);
                    }
                }
                let held = state.selected.clone();
                state.settle(&rows);
                let visible = ids(&state, &rows);
                prop_assert_eq!(state.selected.is_none(), visible.is_empty());
                prop_assert!(state.selected.iter().all(|id| visible.contains(id)));
                prop_assert!(state.marks.iter().all(|id| rows.rows.iter().any(|row| row.id == *id)));
                if let Some(held) = held.filter(|held| visible.contains(held)) {
                    prop_assert_eq!(state.selected.as_ref(), Some(&held));
                }
            }
        }
    }
}
