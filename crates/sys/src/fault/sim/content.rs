//! The bytes of a file, in pages that copies share: cloning costs a counter, a write copies the pages that it touches.
//!
//! Invariant: what lies beyond the end in the last page is zero. Limit: a page's slot costs eight bytes also in a hole, so files end at
//! [`END_MAX`].

use std::sync::Arc;

/// Bytes in a page.
pub(super) const PAGE: u64 = 4096;
/// No file is longer.
pub(super) const END_MAX: u64 = 1 << 36;

type Page = [u8; PAGE as usize];

/// The bytes of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    len: u64,
    /// A page that was never written is a hole, read as zeros.
    pages: Arc<Vec<Option<Arc<Page>>>>,
}

impl Content {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Whether both are the same without looking at any byte.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.len == other.len && Arc::ptr_eq(&self.pages, &other.pages)
    }

    pub(super) fn read(&self, buf: &mut [u8], offset: u64) -> usize {
        let left = self.len.saturating_sub(offset);
        let read = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut done = 0;
        for (page, within, length) in pieces(offset, read, PAGE) {
            let to = &mut buf[done..done + length];
            match self.page(page) {
                Some(bytes) => to.copy_from_slice(&bytes[within..within + length]),
                None => to.fill(0),
            }
            done += length;
        }
        read
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) {
        if bytes.is_empty() {
            return;
        }
        self.reach(offset + bytes.len() as u64);
        let pages = Arc::make_mut(&mut self.pages);
        let mut done = 0;
        for (page, within, length) in pieces(offset, bytes.len(), PAGE) {
            let page = pages[page].get_or_insert_with(|| Arc::new([0; PAGE as usize]));
            Arc::make_mut(page)[within..within + length]
                .copy_from_slice(&bytes[done..done + length]);
            done += length;
        }
    }

    /// Is at least this long from now on; what is new is zero.
    pub(super) fn reach(&mut self, len: u64) {
        if len <= self.len {
            return;
        }
        self.len = len;
        let slots = slots(len);
        if self.pages.len() < slots {
            Arc::make_mut(&mut self.pages).resize(slots, None);
        }
    }

    /// Has this page of the other's from now on.
    pub(super) fn take_page(&mut self, other: &Self, page: usize) {
        let same = match (self.page(page), other.page(page)) {
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
            (None, None) => true,
            _ => false,
        };
        if same {
            return;
        }
        let pages = Arc::make_mut(&mut self.pages);
        if pages.len() <= page {
            pages.resize(page + 1, None);
        }
        pages[page] = other.page(page).cloned();
    }

    /// How many pages there are.
    pub(super) fn pages(&self) -> usize {
        self.pages.len()
    }

    fn page(&self, page: usize) -> Option<&Arc<Page>> {
        self.pages.get(page)?.as_ref()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a file ends at END_MAX, so its pages can be counted"
)]
fn slots(len: u64) -> usize {
    len.div_ceil(PAGE) as usize
}

/// A range cut at the borders of units of this size: which unit, where in it, and how much.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a file ends at END_MAX, and a place within a unit is smaller than the unit"
)]
pub(super) fn pieces(
    offset: u64,
    length: usize,
    unit: u64,
) -> impl Iterator<Item = (usize, usize, usize)> {
    let end = offset + length as u64;
    let mut at = offset;
    std::iter::from_fn(move || {
        let left = end.checked_sub(at).filter(|left| *left > 0)?;
        let within = at % unit;
        let piece = left.min(unit - within);
        let found = ((at / unit) as usize, within as usize, piece as usize);
        at += piece;
        Some(found)
    })
}
