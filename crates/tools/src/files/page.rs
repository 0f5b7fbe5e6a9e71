//! One page of a text: some lines of it, within limits, and what there is besides.
//!
//! Invariants: the lines shown are consecutive and at least one, so that reading on from the next one always ends;
//! every line but a cut one is shown as it is, its end included.

use crate::clean::{clean, whole_chars_front};

/// How much one page may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageLimits {
    pub(super) lines: usize,
    pub(super) bytes: usize,
    pub(super) line_bytes: usize,
}

/// A page. Lines are counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) text: String,
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) total: usize,
    /// Lines of which only the beginning is shown.
    pub(super) cut: usize,
    /// Places that are not UTF-8.
    pub(super) replaced: usize,
}

/// The page that begins with line `first`; `None` if the text has fewer lines.
pub(super) fn page(bytes: &[u8], first: usize, limits: PageLimits) -> Option<Page> {
    let mut page = Page {
        text: String::new(),
        first,
        last: first - 1,
        total: 0,
        cut: 0,
        replaced: 0,
    };
    let mut full = false;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        page.total += 1;
        if page.total < first || full {
            continue;
        }
        full = page.last + 1 - first >= limits.lines || !page.take(line, limits);
        if !full {
            page.last = page.total;
        }
    }
    (page.last >= first).then_some(page)
}

impl Page {
    /// Takes one line, or says that there is no room for it.
    fn take(&mut self, line: &[u8], limits: PageLimits) -> bool {
        let shown = if line.len() > limits.line_bytes {
            whole_chars_front(line, limits.line_bytes)
        } else {
            line
        };
        if !self.text.is_empty() && self.text.len() + shown.len() > limits.bytes {
            return false;
        }
        let cleaned = clean(shown);
        self.text.push_str(&cleaned.text);
        self.replaced += cleaned.replaced;
        if shown.len() < line.len() {
            self.cut += 1;
            let end = if line.ends_with(b"\n") { "\n" } else { "" };
            self.text.push_str(&format!(
                " [line cut: {} bytes more]{end}",
                line.len() - shown.len() - end.len()
            ));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{PageLimits, page};

    const LIMITS: PageLimits = PageLimits {
        lines: 3,
        bytes: 60,
        line_bytes: 20,
    };

    #[test]
    fn a_page_holds_so_many_lines() {
        let page = page(b"1\n2\n3\n4\n5", 2, LIMITS).unwrap();
        assert_eq!(
            (page.text.as_str(), page.first, page.last, page.total),
            ("2\n3\n4\n", 2, 4, 5)
        );
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        let page = page(format!("{}\nend", "ä".repeat(15)).as_bytes(), 1, LIMITS).unwrap();
        assert_eq!(
            page.text,
            format!("{} [line cut: 10 bytes more]\nend", "ä".repeat(10))
        );
        assert_eq!((page.cut, page.last), (1, 2));
    }

    #[test]
    fn what_lies_past_the_end_is_no_page() {
        assert_eq!(page(b"one\n", 2, LIMITS), None);
        assert_eq!(page(b"", 1, LIMITS), None);
    }

    proptest! {
        #[test]
        fn reading_on_shows_every_line_once_and_ends(
            lines in proptest::collection::vec("[a-zäö]{0,12}", 1..30), line_end: bool
        ) {
            let mut text = lines.join("\n");
            text.push_str(if line_end { "\n" } else { "" });
            let limits = PageLimits { lines: 4, bytes: 40, line_bytes: 40 };
            let (mut first, mut seen) = (1, String::new());
            while let Some(page) = page(text.as_bytes(), first, limits) {
                prop_assert!(page.text.len() <= limits.bytes);
                seen.push_str(&page.text);
                first = page.last + 1;
            }
            prop_assert_eq!(seen, text);
        }

        #[test]
        fn any_bytes_stay_within_the_limits(bytes: Vec<u8>, first in 1usize..9) {
            if let Some(page) = page(&bytes, first, LIMITS) {
                prop_assert!(page.last - page.first < LIMITS.lines);
                prop_assert!(page.text.len() <= LIMITS.bytes + 40);
            }
        }
    }
}
