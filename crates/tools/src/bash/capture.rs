//! The first and the last of what a command prints, in bounded memory, and an honest count of the rest.
//!
//! Both ends matter: the beginning says what was done, the end how it ended.

use std::collections::VecDeque;
use std::ops::Range;

use crate::clean::{clean, whole_chars_back, whole_chars_front};

/// What is kept while a command runs.
#[derive(Debug)]
pub(super) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_max: usize,
    tail_max: usize,
    total_bytes: u64,
    total_lines: u64,
}

/// What was printed, as it is shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Captured {
    pub(super) text: String,
    pub(super) total_bytes: u64,
    pub(super) omitted_bytes: u64,
}

impl Capture {
    pub(super) fn new(max_bytes: usize) -> Self {
        let head_max = max_bytes / 2;
        let tail_max = max_bytes - head_max;
        Self {
            head: Vec::new(),
            tail: VecDeque::new(),
            head_max,
            tail_max,
            total_bytes: 0,
            total_lines: 0,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.total_bytes += count(bytes.len());
        self.total_lines += newlines(bytes);
        let room = (self.head_max - self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(room);
        self.head.extend_from_slice(head);
        let rest = &rest[rest.len().saturating_sub(self.tail_max)..];
        let overflow = (self.tail.len() + rest.len()).saturating_sub(self.tail_max);
        self.tail.drain(..overflow);
        self.tail.extend(rest);
    }

    /// What is shown, in at most `max_lines` lines and a note.
    pub(super) fn finish(mut self, max_lines: usize) -> Captured {
        let (head_lines, tail_lines) = (max_lines.div_ceil(2), max_lines / 2);
        let kept = count(self.head.len() + self.tail.len());
        if kept == self.total_bytes {
            let mut whole = self.head;
            whole.extend(self.tail);
            let lines = self.total_lines + u64::from(!whole.ends_with(b"\n") && !whole.is_empty());
            if lines <= count(max_lines) {
                return Captured {
                    text: clean(&whole).text,
                    total_bytes: self.total_bytes,
                    omitted_bytes: 0,
                };
            }
            let (head, tail) = (
                first_lines(&whole, head_lines),
                last_lines(&whole, tail_lines),
            );
            return shown(
                &whole[head],
                &whole[tail],
                self.total_bytes,
                self.total_lines,
            );
        }
        let head = whole_chars_front_of_stream(&self.head);
        let tail = whole_chars_back(self.tail.make_contiguous());
        let (head, tail) = (
            &head[first_lines(head, head_lines)],
            &tail[last_lines(tail, tail_lines)],
        );
        shown(head, tail, self.total_bytes, self.total_lines)
    }
}

fn shown(head: &[u8], tail: &[u8], total_bytes: u64, total_lines: u64) -> Captured {
    let omitted_bytes = total_bytes - count(head.len() + tail.len());
    let omitted_lines = total_lines - newlines(head) - newlines(tail);
    let (mut text, tail) = (clean(head).text, clean(tail).text);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&format!(
        "[... {omitted_bytes} bytes with {omitted_lines} line ends left out ...]\n"
    ));
    text.push_str(&tail);
    Captured {
        text,
        total_bytes,
        omitted_bytes,
    }
}

/// The head without a character whose rest is in what was left out.
fn whole_chars_front_of_stream(head: &[u8]) -> &[u8] {
    match std::str::from_utf8(&head[head.len().saturating_sub(3)..]) {
        Ok(_) => head,
        Err(_) => {
            // One byte more than there is: the cut is at the end.
            let mut longer = head.to_vec();
            longer.push(0x80);
            &head[..whole_chars_front(&longer, head.len()).len()]
        }
    }
}

fn first_lines(bytes: &[u8], lines: usize) -> Range<usize> {
    let end = memchr::memchr_iter(b'\n', bytes).nth(lines.saturating_sub(1));
    0..end.map_or(bytes.len(), |end| end + 1)
}

fn last_lines(bytes: &[u8], lines: usize) -> Range<usize> {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let start = memchr::memrchr_iter(b'\n', body).nth(lines.saturating_sub(1));
    start.map_or(0, |start| start + 1)..bytes.len()
}

fn newlines(bytes: &[u8]) -> u64 {
    count(memchr::memchr_iter(b'\n', bytes).count())
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Capture, Captured};

    fn capture(chunks: &[Vec<u8>], max_bytes: usize, max_lines: usize) -> Captured {
        let mut capture = Capture::new(max_bytes);
        chunks.iter().for_each(|chunk| capture.push(chunk));
        capture.finish(max_lines)
    }

    #[test]
    fn what_fits_is_shown_as_it_is() {
        let captured = capture(&[b"one\n".to_vec(), b"two".to_vec()], 7, 2);
        assert_eq!(
            captured,
            Captured {
                text: "one\ntwo".to_owned(),
                total_bytes: 7,
                omitted_bytes: 0
            }
        );
        assert_eq!(capture(&[], 8, 2).text, "");
    }

    #[test]
    fn of_too_many_lines_the_first_and_last_are_shown() {
        let text = b"1\n2\n3\n4\n5\n".to_vec();
        assert_eq!(
            capture(&[text], 100, 3).text,
            "1\n2\n[... 4 bytes with 2 line ends left out ...]\n5\n"
        );
    }

    #[test]
    fn of_too_many_bytes_the_first_and_last_are_shown_without_half_characters() {
        let captured = capture(&["äöüäöü".as_bytes().to_vec()], 6, 100);
        assert_eq!(
            captured.text,
            "ä\n[... 8 bytes with 0 line ends left out ...]\nü"
        );
        assert_eq!((captured.total_bytes, captured.omitted_bytes), (12, 8));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_bounded_and_what_is_left_out_is_counted(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..12),
            max_bytes in 2usize..80,
            max_lines in 2usize..9,
        ) {
            let whole = chunks.concat();
            let captured = capture(&chunks, max_bytes, max_lines);
            prop_assert_eq!(captured.total_bytes, whole.len() as u64);
            prop_assert!(captured.text.len() <= max_bytes + 80);
            prop_assert!(captured.text.lines().count() <= max_lines + 2);
            let fits = whole.len() <= max_bytes && whole.split_inclusive(|byte| *byte == b'\n').count() <= max_lines;
            prop_assert_eq!(captured.omitted_bytes == 0, fits);
        }

        #[test]
        fn the_shown_parts_are_the_beginning_and_the_end(
            chunks in proptest::collection::vec("[a-zäöü\n]{0,20}", 0..12),
            max_bytes in 2usize..80,
            max_lines in 2usize..9,
        ) {
            let whole = chunks.concat();
            let bytes: Vec<_> = chunks.into_iter().map(String::into_bytes).collect();
            let captured = capture(&bytes, max_bytes, max_lines);
            if captured.omitted_bytes == 0 {
                prop_assert_eq!(captured.text, whole);
            } else {
                let (head, rest) = captured.text.split_once("[... ").unwrap();
                let (_, tail) = rest.split_once(" ...]\n").unwrap();
                // A line end before the note may be ours.
                let head = if whole.starts_with(head) { head } else { head.strip_suffix('\n').unwrap() };
                prop_assert!(whole.starts_with(head) && whole.ends_with(tail));
                let added = u64::from(head.ends_with('\n'));
                let shown = (head.len() + tail.len()) as u64;
                let omitted = captured.total_bytes - shown;
                prop_assert!(captured.omitted_bytes == omitted || captured.omitted_bytes == omitted + added);
            }
        }

        #[test]
        fn how_it_was_cut_into_pieces_does_not_matter(
            bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..200, max_bytes in 2usize..80
        ) {
            let (one, two) = bytes.split_at(cut.min(bytes.len()));
            let pieces = [one.to_vec(), two.to_vec()];
            prop_assert_eq!(capture(&pieces, max_bytes, 5), capture(std::slice::from_ref(&bytes), max_bytes, 5));
        }
    }
}
