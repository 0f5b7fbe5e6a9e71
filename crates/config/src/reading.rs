//! What the readers of the formats share: offsets become lines, and what is wrong with a file is noted with its place.

use crate::{
    Key, Place,
    fault::Fault,
    source::{Oddity, Source, SourceFile},
};

/// After this many faults of syntax in one file the rest is noise.
const MAX_FAULTS: usize = 8;

/// A file on its way into a source.
pub(crate) struct Reader<'f> {
    file: &'f SourceFile,
    lines: Vec<usize>,
    source: &'f mut Source,
    faults: Vec<Fault>,
}

impl<'f> Reader<'f> {
    pub(crate) fn new(file: &'f SourceFile, source: &'f mut Source) -> Self {
        Self {
            file,
            lines: line_starts(&file.text),
            source,
            faults: Vec::new(),
        }
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    /// Puts the tree into the source; with faults, nothing of it.
    pub(crate) fn finish(
        self,
        tree: serde_json::Map<String, serde_json::Value>,
        faults: &mut Vec<Fault>,
    ) {
        if self.faults.is_empty() {
            self.source.tree = tree;
        } else {
            self.source.forget();
        }
        faults.extend(self.faults);
    }

    /// The value at the key stands at this byte.
    pub(crate) fn stands_at(&mut self, key: &Key, byte: usize) {
        self.stands_on(key, self.line_of(byte));
    }

    /// The value at the key stands on this line.
    pub(crate) fn stands_on(&mut self, key: &Key, line: usize) {
        let place = self.place(line);
        self.source.place(key.clone(), place);
    }

    /// The value at the key is a number that none of ours can be.
    pub(crate) fn odd(&mut self, key: &Key, what: Oddity) {
        self.source.oddities.push((key.clone(), what));
    }

    /// What the parser did not like at this byte.
    pub(crate) fn syntax_at(&mut self, byte: usize, what: &str) {
        self.syntax_on(self.line_of(byte), what);
    }

    /// What the parser did not like on this line.
    pub(crate) fn syntax_on(&mut self, line: usize, what: &str) {
        let fault = Fault::Syntax {
            origin: crate::Origin {
                layer: self.source.layer,
                place: self.place(line),
            },
            format: self.file.format,
            what: what.escape_debug().to_string(),
        };
        if self.faults.len() < MAX_FAULTS && self.faults.last() != Some(&fault) {
            self.faults.push(fault);
        }
    }

    pub(crate) fn line_of(&self, byte: usize) -> usize {
        self.lines.partition_point(|&start| start <= byte)
    }

    fn place(&self, line: usize) -> Place {
        Place::File {
            path: self.file.path.clone(),
            line,
        }
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    [0].into_iter()
        .chain(text.match_indices('\n').map(|(at, _)| at + 1))
        .collect()
}
