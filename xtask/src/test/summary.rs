//! The table at the end, and the last line, which machines read: `N passed, M failed`, alone.

use std::{fmt::Write as _, time::Duration};

use super::counts::Counts;

/// One package and what became of its tests.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) counts: Counts,
    /// Building included.
    pub(super) took: Duration,
}

/// The table and the last line.
pub(super) fn render(rows: &[Row]) -> String {
    let width = rows
        .iter()
        .map(|row| row.name.len())
        .max()
        .unwrap_or(0)
        .max("package".len());
    let mut total = Counts::default();
    let mut text = format!("\n{:width$}  passed  failed  ignored     time\n", "package");
    for Row { name, counts, took } in rows {
        total += *counts;
        let Counts {
            passed,
            failed,
            ignored,
        } = counts;
        let seconds = took.as_secs_f64();
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "{name:width$}  {passed:>6}  {failed:>6}  {ignored:>7}  {seconds:>6.1}s"
        );
    }
    let _ = write!(text, "\n{} passed, {} failed", total.passed, total.failed);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_sum_and_stands_alone() {
        let row = |name: &str, passed, failed| Row {
            name: name.to_owned(),
            counts: Counts {
                passed,
                failed,
                ignored: 0,
            },
            took: Duration::from_millis(1500),
        };
        let text = render(&[row("latchwork-lock", 10, 0), row("xtask", 5, 2)]);
        let lines = text.lines().collect::<Vec<_>>();
        assert_eq!(lines.last(), Some(&"15 passed, 2 failed"));
        assert!(
            lines.contains(&"latchwork-lock      10       0        0     1.5s"),
            "{text}"
        );
        assert!(
            lines.contains(&"xtask                5       2        0     1.5s"),
            "{text}"
        );
    }

    #[test]
    fn no_row_at_all_is_a_table_too() {
        assert!(render(&[]).ends_with("\n0 passed, 0 failed"));
    }
}
