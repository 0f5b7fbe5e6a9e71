//! A bounded look at one transcript: its header, its end, and whether the saved head fits it.
//!
//! Of a long file only the beginning and the end are read, unless all of it is asked for. No lock is taken, nothing is
//! written, nothing is remembered. Deliberately absent: the words for people, and doing anything about what is found.
//! Limits of a bounded look: damage in the middle is not seen, nor whether the saved head's entry exists; a last line
//! longer than what is read is not judged.

use latchwork_format::transcript::pieces;
use latchwork_format::{Tail, Transcript, Version};
use latchwork_sys::{DiskFile, FileFacts, IoDoing, OpenHow, PathError, System, read_exact_at};

use crate::head_file::{self, SavedHead, end_before};
use crate::layout::Place;
use crate::records;
use crate::sidecar::is_regular;
use crate::state::read_from;

/// How much of the beginning and of the end of a long file is read, in bytes.
const PIECE: u64 = 32 << 10;
/// How many damaged lines are described.
const DESCRIBED: usize = 5;

/// How much of a transcript is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The beginning and the end.
    Ends,
    /// Everything.
    Whole,
}

/// What was found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Examined {
    /// What stands there.
    pub facts: FileFacts,
    /// Whether every line was read.
    pub whole: bool,
    /// The version of the format; `None` if there is no header to be read.
    pub version: Option<Version>,
    /// Why nothing can be written to it, in words.
    pub read_only: Option<String>,
    /// How it ends.
    pub end: EndOfFile,
    /// How many lines before the end cannot be read (all of them, if everything was read).
    pub damaged_lines: usize,
    /// The first of them in words.
    pub damage: Vec<String>,
    /// Faults of the tree in words; only if everything was read.
    pub tree_faults: Vec<String>,
    /// Whether one of ours wrote any of the lines that were read, and whether anybody else did.
    pub writers: (bool, bool),
    /// The saved head.
    pub head: SavedHeadState,
    /// How many messages wait in the inbox.
    pub waiting: usize,
}

/// How a transcript ends, and so what the next writer does first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndOfFile {
    /// In order.
    Clean,
    /// The last line is whole and lacks its newline: one is added.
    Unterminated,
    /// So many bytes at its end are the beginning of a line: closed with a newline, copied to quarantine, overwritten with spaces.
    Fragment {
        /// Where they begin.
        offset: u64,
        /// How many there are.
        len: usize,
        /// On the same line stands a whole entry, which is rescued.
        rescues: bool,
    },
    /// The last line is longer than what was read.
    NotJudged,
}

/// What is said of a last line that holds what may be a part of a fragment or an entry of its own.
const DOUBTFUL: &str = "cannot be read, and may hold a whole entry: they are left as they are";

/// Whether the saved head says anything about this transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SavedHeadState {
    /// None is saved.
    Missing,
    /// It fits, as far as it was looked at.
    Fits,
    /// It cannot be read as a saved head.
    Unreadable,
    /// It was written for another file, or for what this one was before: it is not believed.
    OfAnotherFile,
}

/// Looks at a transcript; `None` if there is none.
///
/// # Errors
///
/// [`PathError`] if it is no regular file (of kind `InvalidInput`), or may not be read.
///
/// # Blocking
///
/// On the disk, for a few small reads, or for the whole file.
pub fn examine(
    system: &System,
    place: &Place,
    depth: Depth,
) -> Result<Option<Examined>, PathError> {
    let path = &place.transcript;
    match system.disk.facts(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).doing("look at", path),
        Ok(facts) => records::regular(facts.kind).doing("examine", path)?,
    }
    let file = match system.disk.open(path, &OpenHow::reading()) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.doing("open", path)?,
    };
    let facts = file.facts().doing("look at", path)?;
    records::regular(facts.kind).doing("examine", path)?;
    let pieces = Pieces::read(&*file, facts.size, depth).doing("read", path)?;
    let transcript = &pieces.end;
    let header = pieces.begin.as_ref().unwrap_or(transcript);
    let (end, damage) = pieces.judge(&*file, facts.size).doing("read", path)?;
    let head = saved_head(
        system,
        place,
        &*file,
        facts.size,
        pieces.whole().then_some(transcript),
    );
    Ok(Some(Examined {
        whole: pieces.whole(),
        version: header.header().map(|header| header.version.clone()),
        read_only: header.writable().err().map(|fault| fault.to_string()),
        end,
        damaged_lines: damage.len(),
        damage: damage.into_iter().take(DESCRIBED).collect(),
        tree_faults: faults(&pieces),
        writers: pieces.writers(),
        head,
        waiting: records::count_waiting(system, place),
        facts,
    }))
}

fn faults(pieces: &Pieces) -> Vec<String> {
    if !pieces.whole() {
        return Vec::new();
    }
    let faults = pieces.end.tree_faults();
    faults
        .iter()
        .take(DESCRIBED)
        .map(ToString::to_string)
        .collect()
}

/// What was read of a file.
struct Pieces {
    /// The beginning; `None` if everything is in `end`.
    begin: Option<Transcript>,
    /// The header and the end, or everything.
    end: Transcript,
    /// How much further a place in `end` lies in the file.
    shift: u64,
    /// Where in `end` the lines from the end of the file begin.
    from: u64,
    /// No line begins in what was read of the end.
    too_long: bool,
}

impl Pieces {
    fn read(file: &dyn DiskFile, size: u64, depth: Depth) -> std::io::Result<Self> {
        if depth == Depth::Whole || size <= 2 * PIECE {
            let end = Transcript::parse(&read_from(file, 0)?);
            return Ok(Self {
                begin: None,
                end,
                shift: 0,
                from: 0,
                too_long: false,
            });
        }
        let mut begin = vec![0; usize::try_from(PIECE).unwrap_or(0)];
        read_exact_at(file, &mut begin, 0)?;
        let start = size - PIECE;
        let rest = read_from(file, start)?;
        // A line that the piece begins in the middle of is passed over.
        let cut = memchr::memchr(b'\n', &rest).map_or(rest.len(), |at| at + 1);
        let lines = rest.get(cut..).unwrap_or_default();
        // What follows is read in the light of the header: lines of old versions have no ids.
        let begun = Transcript::parse(&begin);
        let mut bytes = begun
            .header()
            .map(|header| format!("{}\n", header.raw))
            .unwrap_or_default()
            .into_bytes();
        let from = bytes.len() as u64;
        bytes.extend_from_slice(lines);
        Ok(Self {
            begin: Some(begun),
            end: Transcript::parse(&bytes),
            shift: start + cut as u64 - from,
            from,
            too_long: lines.is_empty() && !rest.ends_with(b"\n"),
        })
    }

    fn whole(&self) -> bool {
        self.begin.is_none()
    }

    /// How the file ends, by the rule of the next writer; and the damage before that, in words.
    fn judge(&self, file: &dyn DiskFile, size: u64) -> std::io::Result<(EndOfFile, Vec<String>)> {
        let mut damage = Vec::new();
        let mut end = match self.end.tail() {
            _ if self.too_long => EndOfFile::NotJudged,
            Tail::Clean => EndOfFile::Clean,
            Tail::Unterminated { .. } => EndOfFile::Unterminated,
            Tail::Fragment { offset, len } => {
                self.fragment(file, offset, len)?.unwrap_or_else(|| {
                    damage.push(format!("{len} bytes at {} {DOUBTFUL}", offset + self.shift));
                    EndOfFile::Unterminated
                })
            }
        };
        for line in self
            .end
            .damage()
            .iter()
            .filter(|line| line.offset >= self.from)
        {
            let offset = line.offset + self.shift;
            let is_last = offset + line.len as u64 + 1 >= size;
            let mended = match is_last && end == EndOfFile::Clean {
                true => self.fragment(file, line.offset, line.len)?,
                false => None,
            };
            match mended {
                Some(mended) => end = mended,
                None => damage.push(format!(
                    "{} bytes at {offset} cannot be read: {}",
                    line.len, line.why
                )),
            }
        }
        Ok((end, damage))
    }

    /// What is mended of a line that cannot be read; `None` if it is left as it is.
    fn fragment(
        &self,
        file: &dyn DiskFile,
        at: u64,
        len: usize,
    ) -> std::io::Result<Option<EndOfFile>> {
        let offset = at + self.shift;
        let mut line = vec![0; len];
        read_exact_at(file, &mut line, offset)?;
        let pieces = pieces(&line);
        let mended = !pieces.doubtful && !pieces.fragments.is_empty();
        Ok(mended.then_some(EndOfFile::Fragment {
            offset,
            len,
            rescues: !pieces.whole.is_empty(),
        }))
    }

    fn writers(&self) -> (bool, bool) {
        let all = || {
            self.begin
                .iter()
                .chain([&self.end])
                .flat_map(Transcript::entries)
        };
        (
            all().any(|entry| entry.mark().is_some()),
            all().any(|entry| entry.mark().is_none()),
        )
    }
}

fn saved_head(
    system: &System,
    place: &Place,
    file: &dyn DiskFile,
    size: u64,
    whole: Option<&Transcript>,
) -> SavedHeadState {
    let path = place.sidecar("head");
    if !is_regular(system, &path) {
        return SavedHeadState::Missing;
    }
    let Some(SavedHead {
        leaf, at, witness, ..
    }) = head_file::load(system, place)
    else {
        let vanished = system.disk.facts(&path).is_err();
        return if vanished {
            SavedHeadState::Missing
        } else {
            SavedHeadState::Unreadable
        };
    };
    let known = |leaf| whole.is_none_or(|whole| whole.entry(leaf).is_some());
    let fits = at <= size
        && leaf.as_ref().is_none_or(known)
        && end_before(file, at).is_ok_and(|end| head_file::witness(&end) == witness);
    if fits {
        SavedHeadState::Fits
    } else {
        SavedHeadState::OfAnotherFile
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layout;
    use latchwork_session::SessionId;

    const HEADER: &str = r#"{"type":"session","version":3,"id":"s","timestamp":"t","cwd":"/"}"#;

    fn entry(id: &str, text: &str) -> String {
        format!(
            r#"{{"type":"message","id":"{id}","parentId":null,"timestamp":"t","message":{{"role":"user","content":"{text}"}}}}"#
        )
    }

    fn examined(text: &str, depth: Depth) -> Examined {
        let dir = tempfile::tempdir().unwrap();
        let place = Layout::folder(dir.path())
            .place(&SessionId::new("s").unwrap())
            .unwrap();
        std::fs::write(&place.transcript, text).unwrap();
        examine(&System::real(), &place, depth).unwrap().unwrap()
    }

    /// Longer than what a bounded look reads whole.
    fn long() -> String {
        let filler = entry("f", &"x".repeat(90_000));
        format!("{HEADER}\n{}\nnot json\n{filler}\n", entry("a", "hello"))
    }

    #[test]
    fn the_end_of_a_long_file_is_judged_as_the_next_writer_would_without_reading_the_middle() {
        let long = long();
        let tail = |tail: &str| {
            let text = format!("{long}{}\n{tail}", entry("b", "more"));
            let [ends, whole] = [Depth::Ends, Depth::Whole].map(|depth| examined(&text, depth));
            assert_eq!(ends.end, whole.end, "{tail}");
            assert_eq!((ends.whole, ends.damaged_lines), (false, 0));
            assert_eq!((whole.whole, whole.damaged_lines), (true, 1));
            assert_eq!(ends.version, Some(Version::Three));
            ends.end
        };
        assert_eq!(tail(""), EndOfFile::Clean);
        assert_eq!(tail(&entry("c", "x")), EndOfFile::Unterminated);
        let fragment = &entry("c", "x")[..30];
        let at = |end: EndOfFile| match end {
            EndOfFile::Fragment { len, rescues, .. } => (len, rescues),
            other => panic!("{other:?}"),
        };
        assert_eq!(at(tail(fragment)), (30, false));
        assert_eq!(at(tail(&format!("{fragment}\n"))), (30, false));
        let glued = format!("{fragment}{}\n", entry("d", "y"));
        assert_eq!(at(tail(&glued)), (glued.len() - 1, true));
    }

    #[test]
    fn a_last_line_that_is_longer_than_the_look_is_not_judged() {
        let text = format!("{}{}", long(), "y".repeat(90_000));
        assert_eq!(examined(&text, Depth::Ends).end, EndOfFile::NotJudged);
        assert!(matches!(
            examined(&text, Depth::Whole).end,
            EndOfFile::Fragment { .. }
        ));
    }

    #[test]
    fn a_file_without_a_header_is_read_only_and_one_of_an_old_version_is_not_damaged() {
        let headless = examined(&format!("{}\n", entry("a", "x")), Depth::Ends);
        assert!(headless.read_only.is_some());
        assert!(examined("", Depth::Ends).read_only.is_some());
        let line = r#"{"type":"message","timestamp":"t","message":{"role":"user","content":"x"}}"#;
        let old = format!(
            "{{\"type\":\"session\",\"id\":\"s\",\"timestamp\":\"t\",\"cwd\":\"/\"}}\n{}",
            format!("{line}\n").repeat(2_000)
        );
        let old = examined(&old, Depth::Ends);
        assert_eq!(
            (old.version, old.end, old.damaged_lines),
            (Some(Version::One), EndOfFile::Clean, 0)
        );
        assert!(!old.whole && old.read_only.is_none());
    }
}
