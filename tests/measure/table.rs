//! The tables that the terminal and the document both show. Pure.

use std::fmt::Write as _;

use super::{Figures, Goal, Spread};

/// Rows of text under a line of names.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// The figures of one part: a row for each case and metric, a column for each contender.
    #[must_use]
    pub fn of_section(figures: &Figures, section: &str) -> Self {
        let (mut keys, mut whose): (Vec<(&str, &str)>, Vec<&str>) = (Vec::new(), Vec::new());
        for figure in figures.of_section(section) {
            let key = (figure.case.as_str(), figure.metric);
            if !keys.contains(&key) {
                keys.push(key);
            }
            if !whose.contains(&figure.of) {
                whose.push(figure.of);
            }
        }
        // The sort is stable: of each case the metrics stay in their order.
        let cases = |case: &str| keys.iter().position(|(known, _)| *known == case);
        let mut sorted = keys.clone();
        sorted.sort_by_key(|(case, _)| cases(case));
        let mut rows = vec![
            ["case", "figure"]
                .into_iter()
                .chain(whose.iter().copied())
                .map(str::to_owned)
                .collect(),
        ];
        for (case, metric) in sorted {
            let cells = whose.iter().map(|of| {
                figures
                    .get(section, case, of, metric)
                    .map_or_else(String::new, cell)
            });
            rows.push(
                [case.to_owned(), metric.to_owned()]
                    .into_iter()
                    .chain(cells)
                    .collect(),
            );
        }
        Self { rows }
    }

    /// What was wanted, what was found, and the verdict.
    #[must_use]
    pub fn of_goals(goals: &[Goal]) -> Self {
        let mut rows = vec![["goal", "wanted", "found", ""].map(str::to_owned).to_vec()];
        for goal in goals {
            let found = goal.value.map_or_else(|| "-".to_owned(), number);
            rows.push(vec![
                goal.what.clone(),
                goal.limit.to_string(),
                found,
                goal.verdict().to_string(),
            ]);
        }
        Self { rows }
    }

    /// Whether nothing stands under the names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    /// In columns, for a terminal.
    #[must_use]
    pub fn aligned(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths = (0..columns).map(width).collect::<Vec<_>>();
        let mut text = String::new();
        for row in &self.rows {
            let cells = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"));
            let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
        text
    }

    /// For Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for (at, row) in self.rows.iter().enumerate() {
            let _ = writeln!(text, "| {} |", row.join(" | "));
            if at == 0 {
                let _ = writeln!(text, "|{}", "---|".repeat(row.len()));
            }
        }
        text
    }
}

/// The figure, and where its runs lay if they were several.
fn cell(spread: Spread) -> String {
    if spread.runs < 2 || spread.min.to_bits() == spread.max.to_bits() {
        return number(spread.median);
    }
    format!(
        "{} [{}..{}]",
        number(spread.median),
        number(spread.min),
        number(spread.max)
    )
}

/// Three digits that mean something, thousands apart.
#[must_use]
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || size.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{:.digits$}", value.abs());
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let sign = if value < 0.0 { "-" } else { "" };
    let mut parted = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            parted.push(',');
        }
        parted.push(digit);
    }
    format!("{sign}{parted}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Limit;

    #[test]
    fn numbers_keep_three_digits_and_part_their_thousands() {
        let cases = [
            (0.0, "0"),
            (0.123_45, "0.123"),
            (2.345, "2.35"),
            (45.678, "45.7"),
            (999.4, "999"),
            (1_234.5, "1,234"),
            (296_000.0, "296,000"),
            (-1_234_567.0, "-1,234,567"),
            (-0.5, "-0.500"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn a_section_becomes_a_row_for_each_figure_and_a_column_for_each_contender() {
        let mut figures = Figures::default();
        for (case, of, metric, value) in [
            ("2", "ours", "total", 1.0),
            ("4", "ours", "total", 3.0),
            ("2", "theirs", "total", 2.0),
            ("2", "theirs", "total", 4.0),
            ("2", "ours", "wait", 0.5),
        ] {
            figures.add("crowd", case, of, metric, value);
        }
        figures.add("other", "2", "ours", "total", 9.0);
        let table = Table::of_section(&figures, "crowd");
        let expected = [
            "| case | figure | ours | theirs |",
            "|---|---|---|---|",
            "| 2 | total | 1 | 3 [2..4] |",
            "| 2 | wait | 0.500 |  |",
            "| 4 | total | 3 |  |",
        ];
        assert_eq!(table.markdown().lines().collect::<Vec<_>>(), expected);
        assert!(Table::of_section(&figures, "none").is_empty());
    }

    #[test]
    fn goals_say_what_was_wanted_found_and_judged_in_columns_that_line_up() {
        let goal = |what: &str, value| Goal {
            what: what.to_owned(),
            value,
            limit: Limit::AtMost(1.05),
            why: "",
        };
        let text = Table::of_goals(&[goal("a", Some(1.5)), goal("a long one", None)]).aligned();
        let lines = text.lines().collect::<Vec<_>>();
        assert_eq!(lines[0], "goal        wanted        found");
        assert_eq!(lines[1], "a           at most 1.05  1.50   NOT MET");
        assert_eq!(lines[2], "a long one  at most 1.05  -      not measured");
    }
}
