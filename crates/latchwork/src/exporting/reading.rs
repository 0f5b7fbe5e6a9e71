//! Entries from a file, each read when it is asked for. They are asked for in file order nearly always, so a piece of the file is
//! read at once.
//!
//! Limits: memory for a piece, or for one line where that is longer.

use std::io;

use latchwork_export::Source;
use latchwork_format::{Outline, RawEntry};
use latchwork_sys::{DiskFile, read_up_to};
use tokio_util::sync::CancellationToken;

use crate::progress::Told;

/// How much is read at once, in bytes.
const PIECE: usize = 1 << 20;

/// The outline of the file as it is now; `watch` is told how far reading has come, in bytes.
pub(crate) fn outline(
    file: &dyn DiskFile,
    stop: &CancellationToken,
    watch: &mut dyn FnMut(u64),
) -> io::Result<Outline> {
    let mut outline = Outline::default();
    let mut piece = vec![0; PIECE];
    let mut offset = 0;
    loop {
        if stop.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let read = file.read_at(&mut piece, offset)?;
        let bytes = piece.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        outline.push(bytes, offset).map_err(io::Error::other)?;
        offset += bytes.len() as u64;
        watch(offset);
    }
    outline.settle();
    Ok(outline)
}

/// The entries of a file.
pub(crate) struct Entries<'a> {
    file: &'a dyn DiskFile,
    outline: &'a Outline,
    /// What was read last, and where that stands.
    piece: Vec<u8>,
    start: u64,
    told: Told,
}

impl<'a> Entries<'a> {
    pub(crate) fn new(file: &'a dyn DiskFile, outline: &'a Outline) -> Self {
        Self {
            file,
            outline,
            piece: Vec::new(),
            start: 0,
            told: Told::default(),
        }
    }

    /// As it is; `told` is told of the second half of the way.
    pub(super) fn telling(self, told: Told) -> Self {
        Self { told, ..self }
    }

    /// The bytes of a line; `None` where the file has become too short to have it.
    fn line(&mut self, offset: u64, len: usize) -> io::Result<Option<&[u8]>> {
        if !self.holds(offset, len) {
            self.read(offset, len)?;
        }
        let from = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let to = from.saturating_add(len);
        Ok(self.piece.get(from..to))
    }

    fn holds(&self, offset: u64, len: usize) -> bool {
        offset >= self.start && offset + len as u64 <= self.start + self.piece.len() as u64
    }

    fn read(&mut self, offset: u64, len: usize) -> io::Result<()> {
        self.start = offset;
        self.piece.resize(PIECE.max(len), 0);
        // Room for one huge line is not kept for all that follow.
        self.piece.shrink_to(PIECE.max(len));
        let filled = read_up_to(self.file, &mut self.piece, offset)?;
        self.piece.truncate(filled);
        let size = self.outline.saved_through();
        self.told.tell(size + offset, 2 * size);
        Ok(())
    }
}

impl Source for Entries<'_> {
    fn entry(&mut self, number: u32) -> io::Result<Option<RawEntry>> {
        let Some(row) = self.outline.row(number) else {
            return Ok(None);
        };
        let (offset, len) = (row.offset(), row.len() as usize);
        let line = self.line(offset, len)?;
        Ok(line.and_then(|line| row.entry(line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchwork_sys::{Disk as _, OpenHow, RealDisk};

    fn file_of(bytes: &[u8]) -> (tempfile::TempDir, Box<dyn DiskFile>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.jsonl");
        std::fs::write(&path, bytes).unwrap();
        let file = RealDisk.open(&path, &OpenHow::updating()).unwrap();
        (folder, file)
    }

    fn session(sizes: &[usize]) -> Vec<u8> {
        let mut bytes =
            b"{\"type\":\"session\",\"version\":3,\"id\":\"s\",\"timestamp\":\"\",\"cwd\":\"\"}\n"
                .to_vec();
        for (n, size) in sizes.iter().enumerate() {
            let text = "x".repeat(*size);
            let line = format!(
                "{{\"type\":\"message\",\"id\":\"{n}\",\"parentId\":null,\"timestamp\":\"\",\"message\":{{\"role\":\"user\",\"content\":\"{text}\"}}}}\n"
            );
            bytes.extend_from_slice(line.as_bytes());
        }
        bytes
    }

    #[test]
    fn entries_are_the_files_in_any_order_and_of_any_size() {
        let sizes = [10, 2 * PIECE, 0, PIECE - 300, 40, 5];
        let (_folder, file) = file_of(&session(&sizes));
        let outline = outline(&*file, &CancellationToken::new(), &mut |_| ()).unwrap();
        let mut entries = Entries::new(&*file, &outline);
        for number in [0, 1, 2, 3, 4, 5, 1, 0, 5] {
            let entry = entries.entry(number).unwrap().unwrap();
            let text = entry.message().unwrap().text();
            assert_eq!(
                (entry.id().as_str(), text.len()),
                (number.to_string().as_str(), sizes[number as usize])
            );
        }
        assert!(entries.entry(6).unwrap().is_none());
    }

    #[test]
    fn a_line_that_was_changed_is_no_entry_and_an_export_that_is_stopped_reads_nothing() {
        let (_folder, file) = file_of(&session(&[9, 9]));
        let outline = outline(&*file, &CancellationToken::new(), &mut |_| ()).unwrap();
        let offset = outline.row(1).unwrap().offset();
        file.write_at(b" ", offset).unwrap();
        let mut entries = Entries::new(&*file, &outline);
        assert!(entries.entry(0).unwrap().is_some() && entries.entry(1).unwrap().is_none());
        let stopped = CancellationToken::new();
        stopped.cancel();
        assert_eq!(
            super::outline(&*file, &stopped, &mut |_| ())
                .unwrap_err()
                .kind(),
            io::ErrorKind::Interrupted
        );
    }
}
