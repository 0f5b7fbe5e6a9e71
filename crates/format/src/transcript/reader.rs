//! From lines to entries, by the rules of the version that the header names.
//!
//! Version 1 has no ids: an entry's id is made of its position, counted as pi counts it (every line that is
//! JSON and not a false value, the header included), so the same file gives the same ids every time.

use std::ops::Range;

use super::HeaderFault;
use super::pieces::side_by_side;
use super::salvage::{self, Lost};
use crate::entry::{Draft, Legacy, RawEntry};
use crate::fault::{Limits, LineFault};
use crate::header::{Header, Version};
use crate::id::EntryId;
use crate::json::{Raw, js_trim};
use crate::kind::{Kind, Role};

/// What a line turned out to be.
pub(crate) enum Reading {
    /// Space, or a header.
    Nothing,
    Entry(RawEntry),
    Damaged(Lost),
    /// Whole objects side by side, each with its place on the line.
    Several(Vec<(Range<usize>, Reading)>),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Reader {
    /// Where the next line begins.
    pub(crate) offset: u64,
    /// The line read last, counted from 1.
    pub(crate) number: u64,
    first: First,
    /// pi's index of the next line.
    position: u64,
    /// pi's indices of header lines, which no compaction of version 1 can point to.
    headers: Vec<u64>,
    /// The entry before, which is the parent in version 1.
    previous: Option<EntryId>,
}

/// The first line that could be read.
#[derive(Clone, Debug, Default)]
enum First {
    #[default]
    Pending,
    Header(Header),
    /// Something else, at that line.
    Other(u64),
}

impl Reader {
    /// A reader behind so many lines of a file of version 3, where nothing but the header has to be remembered.
    pub(crate) fn resumed(header: Header, offset: u64, number: u64) -> Self {
        Reader {
            offset,
            number,
            first: First::Header(header),
            ..Reader::default()
        }
    }

    pub(crate) fn header(&self) -> Option<&Header> {
        match &self.first {
            First::Header(header) => Some(header),
            _ => None,
        }
    }

    /// Whether entries may be appended, as far as the header goes.
    pub(crate) fn writable(&self) -> Result<&Header, HeaderFault> {
        match &self.first {
            First::Pending => Err(HeaderFault::Empty),
            First::Other(line) => Err(HeaderFault::Missing { line: *line }),
            First::Header(header) => match &header.version {
                Version::Unknown(written) => Err(HeaderFault::UnknownVersion {
                    written: written.clone(),
                }),
                _ => Ok(header),
            },
        }
    }

    /// Reads one line without its newline; counts it, but leaves `offset` alone.
    pub(crate) fn line(&mut self, line: &[u8], limits: Limits) -> Reading {
        if self.lines_speak_for_themselves()
            && let Some(entry) = RawEntry::quick(line, limits)
        {
            self.pass();
            return Reading::Entry(entry);
        }
        self.slow_line(line, limits)
    }

    fn slow_line(&mut self, line: &[u8], limits: Limits) -> Reading {
        self.number += 1;
        if is_blank(line) {
            return Reading::Nothing;
        }
        match Draft::read(line, limits) {
            Ok(draft) => self.draft(draft),
            Err(why @ LineFault::NotJson { .. }) => match self.side_by_side(line, limits) {
                Some(pieces) => Reading::Several(pieces),
                None => self.damaged(why, line),
            },
            Err(why) => self.damaged(why, line),
        }
    }

    /// Whether an entry's line is all that its facts depend on: not so in versions 1 and 2, nor before the header.
    pub(crate) fn lines_speak_for_themselves(&self) -> bool {
        match &self.first {
            First::Pending => false,
            First::Other(_) => true,
            First::Header(header) => !matches!(header.version, Version::One | Version::Two),
        }
    }

    /// Counts an entry that was read elsewhere, where [`Reader::lines_speak_for_themselves`].
    pub(crate) fn pass(&mut self) {
        self.number += 1;
        self.position += 1;
    }

    /// Counts a line of more bytes than `limits` allow, which was not kept.
    pub(crate) fn pass_long(&mut self, blank: bool) {
        self.number += 1;
        if !blank {
            self.position += 1;
            self.not_a_header();
        }
    }

    /// A line that holds several objects and nothing else. Not where the lines themselves have a meaning: in version 1,
    /// whose ids are counted by them, and where the header is due.
    fn side_by_side(
        &mut self,
        line: &[u8],
        limits: Limits,
    ) -> Option<Vec<(Range<usize>, Reading)>> {
        match &self.first {
            First::Header(header) if header.version == Version::One => return None,
            First::Pending => return None,
            _ => {}
        }
        let pieces = side_by_side(line)?.into_iter().map(|part| {
            let piece = &line[part.clone()];
            let reading = match Draft::read(piece, limits) {
                Ok(draft) => self.draft(draft),
                Err(why) => self.damaged(why, piece),
            };
            (part, reading)
        });
        Some(pieces.collect())
    }

    fn draft(&mut self, mut draft: Draft) -> Reading {
        if let Some(header) = draft.header.take() {
            self.headers.push(self.position);
            self.position += 1;
            if let First::Pending = self.first {
                self.first = First::Header(header);
            }
            return Reading::Nothing;
        }
        self.not_a_header();
        match self.header().map(|header| &header.version) {
            Some(Version::One) => {
                self.name_by_position(&mut draft);
                rename_hook_message(&mut draft);
            }
            Some(Version::Two) => rename_hook_message(&mut draft),
            _ => {}
        }
        self.position += 1;
        match draft.into_entry() {
            Ok(entry) => {
                self.previous = Some(entry.id().clone());
                Reading::Entry(entry)
            }
            Err(why) => Reading::Damaged(Lost::nameless(why)),
        }
    }

    fn damaged(&mut self, why: LineFault, line: &[u8]) -> Reading {
        // pi skips what is not JSON and what is false; everything else has an index.
        let counts = match &why {
            LineFault::NotJson { .. } => false,
            LineFault::NotAnObject => {
                let text = String::from_utf8_lossy(line);
                Raw::parse(&text).is_ok_and(Raw::truthy)
            }
            _ => true,
        };
        if counts {
            self.position += 1;
            self.not_a_header();
        }
        Reading::Damaged(salvage::names(why, line))
    }

    fn not_a_header(&mut self) {
        if let First::Pending = self.first {
            self.first = First::Other(self.number);
        }
    }

    fn name_by_position(&self, draft: &mut Draft) {
        draft.id = Some(id_at(self.position));
        draft.parent.clone_from(&self.previous);
        if let Some(index) = draft.first_kept_index {
            // A boundary ahead of its compaction, or at a header, points to nothing.
            let known = index <= self.position && !self.headers.contains(&index);
            draft.legacy.first_kept = known.then(|| id_at(index));
        }
    }
}

/// The id of version 1's entry at pi's index: eight hex digits, like pi's own.
fn id_at(position: u64) -> EntryId {
    EntryId::from(format!("{position:08x}"))
}

fn rename_hook_message(draft: &mut Draft) {
    if draft.kind == Kind::Message(Role::Other("hookMessage".into())) {
        draft.kind = Kind::Message(Role::Custom);
        draft.legacy = Legacy {
            hook_message: true,
            ..draft.legacy.clone()
        };
    }
}

/// Whether the line is only space. Quarantined bytes are overwritten with spaces, so this is common after a repair.
pub(crate) fn is_blank(line: &[u8]) -> bool {
    match line.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => true,
        Some(byte) if byte.is_ascii() => false,
        Some(_) => std::str::from_utf8(line).is_ok_and(|text| js_trim(text).is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{HeaderFault, MigrateError, Transcript, migrate};
    use crate::kind::Kind;

    #[test]
    fn a_boundary_of_version_1_means_the_entry_at_that_index() {
        // pi counts the header and the bare number, but neither the rubbish nor the null.
        let file = b"{\"type\":\"session\",\"id\":\"s\"}\nrubbish\nnull\n7\n{\"type\":\"label\"}\n\
            {\"type\":\"compaction\",\"summary\":\"s\",\"firstKeptEntryIndex\":2}\n{\"type\":\"compaction\",\"firstKeptEntryIndex\":9}\n";
        let transcript = Transcript::parse(file);
        let ids: Vec<_> = transcript
            .entries()
            .map(|entry| entry.id().to_string())
            .collect();
        assert_eq!(ids, ["00000002", "00000003", "00000004"]);
        let kept: Vec<_> = transcript
            .entries()
            .filter_map(crate::RawEntry::compaction)
            .map(|view| view.first_kept)
            .collect();
        assert_eq!(
            kept,
            [Some("00000002".into()), None],
            "a boundary ahead of its compaction points to nothing"
        );
        assert_eq!(transcript.damage().len(), 3);
        let migrated = Transcript::parse(&migrate(file).unwrap());
        assert_eq!(
            migrated.damage().len(),
            3,
            "what cannot be read is carried over"
        );
        let ids_after: Vec<_> = migrated
            .entries()
            .map(|entry| entry.id().to_string())
            .collect();
        assert_eq!(ids_after, ids);
    }

    #[test]
    fn a_hook_message_is_a_custom_one_in_version_2_only() {
        let entry = "{\"type\":\"message\",\"id\":\"a\",\"parentId\":null,\"message\":{\"role\":\"hookMessage\",\"content\":\"x\"}}";
        let role = |version: &str| {
            let file =
                format!("{{\"type\":\"session\",\"version\":{version},\"id\":\"s\"}}\n{entry}\n");
            let transcript = Transcript::parse(file.as_bytes());
            let entry = transcript.entries().next().unwrap().clone();
            let context = crate::context(&transcript, None);
            (
                entry.role().unwrap().to_string(),
                context.messages[0].role().to_string(),
            )
        };
        assert_eq!(role("2"), ("custom".to_owned(), "custom".to_owned()));
        assert_eq!(
            role("3"),
            ("hookMessage".to_owned(), "hookMessage".to_owned())
        );
    }

    #[test]
    fn without_a_good_header_a_file_is_read_and_not_written() {
        let entry = "{\"type\":\"label\",\"id\":\"a\",\"parentId\":null}\n";
        let header = "{\"type\":\"session\",\"version\":3,\"id\":\"s\"}\n";
        let fault = |file: String| {
            let transcript = Transcript::parse(file.as_bytes());
            assert!(migrate(file.as_bytes()).is_err());
            (transcript.entry_count(), transcript.writable().err())
        };
        assert_eq!(fault(String::new()), (0, Some(HeaderFault::Empty)));
        assert_eq!(
            fault(format!("{entry}{header}")),
            (1, Some(HeaderFault::Missing { line: 1 }))
        );
        assert_eq!(
            fault(format!("{{\"type\":\"session\"}}\n{entry}")),
            (1, Some(HeaderFault::Missing { line: 1 }))
        );
        assert_eq!(
            fault(format!("torn\n{header}{entry}")),
            (1, None),
            "as in pi, rubbish before the header is passed over"
        );
        let newer = header.replace('3', "4");
        assert_eq!(
            fault(format!("{newer}{entry}")),
            (
                1,
                Some(HeaderFault::UnknownVersion {
                    written: "4".into()
                })
            )
        );
        assert_eq!(
            migrate(format!("{header}{entry}").as_bytes()),
            Err(MigrateError::Current)
        );
    }

    #[test]
    fn whole_entries_on_one_line_are_each_read_where_they_stand() {
        let header = "{\"type\":\"session\",\"version\":3,\"id\":\"s\"}\n";
        let (a, b) = (
            "{\"type\":\"x\",\"id\":\"a\"}",
            "{\"type\":\"x\",\"id\":\"b\",\"n\":1e999}",
        );
        let c = "{\"type\":\"x\",\"id\":\"c\",\"parentId\":\"b\"}";
        let file = format!("{header}{a}{{\"type\":\"x\"}} {b}\r\n{c}");
        let transcript = Transcript::parse(file.as_bytes());
        let found: Vec<_> = transcript
            .lines()
            .iter()
            .map(|line| (line.entry.text(), line.offset, line.len, line.number))
            .collect();
        let at = |part: &str| file.find(part).unwrap() as u64;
        assert_eq!(
            found,
            [
                (a, at(a), a.len(), 2),
                (b, at(b), b.len(), 2),
                (c, at(c), c.len(), 3)
            ]
        );
        let lost = &transcript.damage()[0];
        assert_eq!(
            (transcript.damage().len(), lost.offset, lost.len),
            (1, at("{\"type\":\"x\"} "), 12)
        );
        assert_eq!(
            transcript.parent_of(&"c".into()).unwrap().id().as_str(),
            "b"
        );
        let old = file.replace(":3,", ":2,");
        let migrated = Transcript::parse(&migrate(old.as_bytes()).unwrap());
        let lines: Vec<_> = migrated
            .lines()
            .iter()
            .map(|line| (line.entry.text(), line.number))
            .collect();
        assert_eq!(
            lines,
            [(a, 2), (b, 4), (c, 5)],
            "a migrated file has each on a line of its own"
        );
    }

    #[test]
    fn where_lines_are_counted_or_the_header_is_due_one_line_is_one_entry_or_none() {
        let two = "{\"type\":\"x\",\"id\":\"a\"}{\"type\":\"x\",\"id\":\"b\"}\n";
        let first = Transcript::parse(b"{\"type\":\"session\",\"id\":\"s\"}\n");
        assert!(first.writable().is_ok());
        for before in ["", "{\"type\":\"session\",\"id\":\"s\"}\n"] {
            let transcript = Transcript::parse(format!("{before}{two}").as_bytes());
            assert_eq!(
                (transcript.entry_count(), transcript.damage().len()),
                (0, 1)
            );
        }
    }

    #[test]
    fn a_second_header_is_no_entry() {
        let file = b"{\"type\":\"session\",\"version\":3,\"id\":\"s\"}\n{\"type\":\"session\",\"version\":3,\"id\":\"t\"}\n{\"type\":\"x\",\"id\":\"a\"}\n";
        let transcript = Transcript::parse(file);
        assert_eq!(transcript.header().unwrap().id, "s");
        assert_eq!(transcript.entry_count(), 1);
        assert_eq!(
            *transcript.entries().next().unwrap().kind(),
            Kind::Unknown("x".into())
        );
    }

    #[test]
    fn bytes_overwritten_with_spaces_are_skipped() {
        let file = b"{\"type\":\"session\",\"version\":3,\"id\":\"s\"}\n      \n   {\"type\":\"x\",\"id\":\"a\"}\n\xef\xbb\xbf\n";
        let transcript = Transcript::parse(file);
        assert_eq!(
            (transcript.entry_count(), transcript.damage().len()),
            (1, 0)
        );
    }
}
