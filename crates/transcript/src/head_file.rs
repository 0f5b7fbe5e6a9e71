//! The saved head: `.latchwork/<id>.head`, two places of 4 KiB with one JSON line each.
//!
//! It says which entry the active branch ended with when the transcript was `at` bytes long. It is a help and never
//! the truth: it counts only while the bytes before `at` are those that it was written for, and everything after
//! `at` is folded on top of it. The older place is overwritten, so the other one stands whole whatever happens; of two that
//! are whole by their checksum the greater number counts. Never synced; losing it means pi's rule. A file that is replaced by a
//! rename instead costs the filesystem's journal as much as a sync, at each commit.

use latchwork_format::{EntryId, Outline};
use latchwork_sys::{DiskFile, IoDoing, OpenHow, PathError, System, read_at_most, read_exact_at};
use serde::{Deserialize, Serialize};

use crate::layout::Place;

/// How many bytes before a place its witness covers.
pub(crate) const WITNESS_BYTES: usize = 256;
/// The size of a place, and where the second one begins; in bytes.
const PLACE_BYTES: usize = 4_096;

/// What is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedHead {
    /// The entry that the active branch ended with; `None` before the first.
    pub leaf: Option<EntryId>,
    /// The transcript's length then, in bytes.
    pub at: u64,
    /// The checksum of the bytes before it.
    pub witness: u64,
    /// The nearest entries at the leaf or above it that say how hard the model is to think and which one it is: without them the whole
    /// branch would be read where a compaction hides all but its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
}

/// Where two entries stand, if there are such.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub level: Option<Spot>,
    pub model: Option<Spot>,
}

/// A line: its first byte, its length, the CRC-32 of its bytes.
pub(crate) type Spot = (u64, u32, u32);

impl Settings {
    /// Those of an entry.
    pub(crate) fn of(outline: &Outline, entry: u32) -> Option<Self> {
        let row = outline.row(entry).filter(|_| !outline.is_crooked())?;
        let spot = |entry: Option<u32>| {
            let row = outline.row(entry?)?;
            Some((row.offset(), row.len(), row.sum()))
        };
        Some(Self {
            level: spot(row.level()),
            model: spot(row.model()),
        })
    }
}

/// The checksum of the last bytes before a place; `bytes` end there.
pub(crate) fn witness(bytes: &[u8]) -> u64 {
    let end = bytes
        .get(bytes.len().saturating_sub(WITNESS_BYTES)..)
        .unwrap_or_default();
    checksum(&[end])
}

/// The bytes before a place that its witness covers.
pub(crate) fn end_before(file: &dyn DiskFile, place: u64) -> std::io::Result<Vec<u8>> {
    let start = place.saturating_sub(WITNESS_BYTES as u64);
    let mut bytes = vec![0; usize::try_from(place - start).unwrap_or(0)];
    read_exact_at(file, &mut bytes, start)?;
    Ok(bytes)
}

/// A checksum of all the parts.
pub(crate) fn checksum(parts: &[&[u8]]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    let mut first = [0; 8];
    first.copy_from_slice(hasher.finalize().as_bytes().get(..8).unwrap_or(&[0; 8]));
    u64::from_le_bytes(first)
}

/// What stands in one place.
#[derive(Serialize, Deserialize)]
struct Numbered {
    number: u64,
    #[serde(flatten)]
    head: SavedHead,
    sum: u64,
}

impl Numbered {
    fn new(number: u64, head: SavedHead) -> Self {
        let sum = Self::sum_of(number, &head);
        Self { number, head, sum }
    }

    fn sum_of(number: u64, head: &SavedHead) -> u64 {
        let leaf = head.leaf.as_ref().map_or("", EntryId::as_str);
        let numbers = [
            number,
            head.at,
            head.witness,
            u64::from(head.leaf.is_some()),
        ];
        let numbers: Vec<u8> = numbers.iter().flat_map(|part| part.to_le_bytes()).collect();
        let settings = head.settings.as_ref();
        let settings = settings.and_then(|settings| serde_json::to_vec(settings).ok());
        checksum(&[&numbers, leaf.as_bytes(), &settings.unwrap_or_default()])
    }

    fn read(place: &[u8]) -> Option<Self> {
        let line = place.split(|byte| *byte == b'\n').next()?;
        let read: Self = serde_json::from_slice(line).ok()?;
        (read.sum == Self::sum_of(read.number, &read.head)).then_some(read)
    }
}

/// What stands in the two places.
fn places(file: &dyn DiskFile) -> std::io::Result<[Option<Numbered>; 2]> {
    let bytes = read_at_most(file, 2 * PLACE_BYTES)?;
    let (first, second) = bytes.split_at(bytes.len().min(PLACE_BYTES));
    Ok([Numbered::read(first), Numbered::read(second)])
}

/// The saved head, if there is one that can be read.
pub(crate) fn load(system: &System, place: &Place) -> Option<SavedHead> {
    let file = system
        .disk
        .open(&place.sidecar("head"), &OpenHow::reading())
        .ok()?;
    newest(places(&*file).ok()?).map(|(_, head)| head)
}

fn newest(places: [Option<Numbered>; 2]) -> Option<(u64, SavedHead)> {
    let newest = places.into_iter().flatten().max_by_key(|head| head.number);
    newest.map(|head| (head.number, head.head))
}

/// The saved head for as long as a guard is held: nobody else saves one meanwhile.
#[derive(Debug)]
pub(crate) struct HeadFile {
    file: Option<Box<dyn DiskFile>>,
    /// The greatest number, and the place that is overwritten next.
    number: u64,
    next: u64,
    saved: Option<SavedHead>,
    /// What would be saved by now, if it were not what everybody folds on top of what is.
    later: Option<SavedHead>,
    /// How often it was put off since it was saved last. Before it was saved once, it is not: most guards are held for one commit.
    put_off: Option<u32>,
    /// The file (device and inode) that it was seen to be of.
    of: Option<(u64, u64)>,
}

/// How often the head is not saved where everybody finds it by folding. Reading that much is quick.
const PUT_OFF_MAX: u32 = 64;

impl HeadFile {
    /// What is saved, if anything can be read.
    pub(crate) fn open(system: &System, place: &Place) -> Self {
        let file = system
            .disk
            .open(&place.sidecar("head"), &OpenHow::updating());
        Self::on(file.ok())
    }

    fn on(file: Option<Box<dyn DiskFile>>) -> Self {
        let places = file.as_ref().and_then(|file| places(&**file).ok());
        let places = places.unwrap_or_default();
        let numbers = places
            .each_ref()
            .map(|place| place.as_ref().map_or(0, |place| place.number));
        let [first, second] = numbers;
        let newest = newest(places);
        Self {
            file,
            number: first.max(second),
            next: if first <= second {
                0
            } else {
                PLACE_BYTES as u64
            },
            saved: newest.map(|(_, head)| head),
            later: None,
            put_off: None,
            of: None,
        }
    }

    /// What is known of the head: saved, or found since by folding.
    pub(crate) fn head(&self) -> Option<&SavedHead> {
        self.later.as_ref().or(self.saved.as_ref())
    }

    /// What is known of the head of this file, if it was [seen](Self::seen) to be of it.
    pub(crate) fn head_of(&self, file: (u64, u64)) -> Option<&SavedHead> {
        self.head().filter(|_| self.of == Some(file))
    }

    /// What is known is of this file.
    pub(crate) fn seen(&mut self, file: (u64, u64)) {
        self.of = Some(file);
    }

    /// Notes a head that whoever folds on top of what is saved finds as well; now and then it is saved.
    pub(crate) fn put_off(
        &mut self,
        system: &System,
        place: &Place,
        head: SavedHead,
    ) -> Result<(), PathError> {
        match &mut self.put_off {
            Some(times) if *times < PUT_OFF_MAX => {
                *times += 1;
                self.later = Some(head);
                Ok(())
            }
            _ => self.save(system, place, head),
        }
    }

    /// Whether anything was put off.
    pub(crate) fn is_put_off(&self) -> bool {
        self.later.is_some()
    }

    /// Saves what was put off.
    pub(crate) fn settle(&mut self, system: &System, place: &Place) -> Result<(), PathError> {
        match self.later.take() {
            Some(head) => self.save(system, place, head),
            None => Ok(()),
        }
    }

    /// Saves the head in the older place.
    pub(crate) fn save(
        &mut self,
        system: &System,
        place: &Place,
        head: SavedHead,
    ) -> Result<(), PathError> {
        let path = place.sidecar("head");
        if self.file.is_none() {
            let made = system.disk.open(&path, &OpenHow::updating().or_create());
            let made = Self::on(Some(made.doing("save the head in", &path)?));
            *self = Self {
                of: self.of,
                ..made
            };
        }
        self.put(&head).doing("save the head in", &path)?;
        (self.saved, self.later, self.put_off) = (Some(head), None, Some(0));
        Ok(())
    }

    fn put(&mut self, head: &SavedHead) -> std::io::Result<()> {
        let file = self.file.as_ref().ok_or(std::io::ErrorKind::NotFound)?;
        let number = self.number + 1;
        let mut bytes = serde_json::to_vec(&Numbered::new(number, head.clone()))?;
        bytes.push(b'\n');
        if bytes.len() > PLACE_BYTES {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        match file.write_at(&bytes, self.next)? {
            written if written == bytes.len() => {
                self.number = number;
                self.next = PLACE_BYTES as u64 - self.next;
                Ok(())
            }
            _ => Err(std::io::ErrorKind::StorageFull.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HeadFile, SavedHead, Settings, load, witness};
    use crate::layout::{Layout, Place};
    use latchwork_format::EntryId;
    use latchwork_session::SessionId;
    use latchwork_sys::{PathError, System};

    fn room() -> (tempfile::TempDir, Place, System) {
        let dir = tempfile::tempdir().unwrap();
        let place = Layout::folder(dir.path())
            .place(&SessionId::new("s").unwrap())
            .unwrap();
        let system = System::real();
        std::fs::create_dir(place.sidecars()).unwrap();
        (dir, place, system)
    }

    fn save(system: &System, place: &Place, head: &SavedHead) -> Result<(), PathError> {
        HeadFile::open(system, place).save(system, place, head.clone())
    }

    #[test]
    fn a_saved_head_reads_back_and_rubbish_reads_as_none() {
        let (_dir, place, system) = room();
        let head = SavedHead {
            leaf: Some(EntryId::new("a1")),
            at: 7,
            witness: u64::MAX,
            settings: None,
        };
        save(&system, &place, &head).unwrap();
        assert_eq!(load(&system, &place), Some(head));
        std::fs::write(place.sidecar("head"), b"{\"leaf\":7").unwrap();
        assert_eq!(load(&system, &place), None);
        assert_eq!(std::fs::read_dir(place.sidecars()).unwrap().count(), 1);
    }

    #[test]
    fn a_place_that_was_cut_off_or_changed_leaves_the_head_before_it() {
        let (_dir, place, system) = room();
        let head = |at| SavedHead {
            leaf: Some(EntryId::new(format!("a{at}"))),
            at,
            witness: at * 3,
            settings: (at % 2 == 0).then_some(Settings {
                level: Some((at, 2, 3)),
                model: None,
            }),
        };
        for at in 1..=5 {
            save(&system, &place, &head(at)).unwrap();
            assert_eq!(load(&system, &place), Some(head(at)));
        }
        let whole = std::fs::read(place.sidecar("head")).unwrap();
        let newest = whole.iter().position(|byte| *byte == b'\n').unwrap();
        for byte in 0..newest {
            let mut torn = whole.clone();
            torn[byte..newest].fill(0);
            std::fs::write(place.sidecar("head"), &torn).unwrap();
            assert_eq!(load(&system, &place), Some(head(4)), "cut off at {byte}");
            let mut changed = whole.clone();
            changed[byte] ^= 1;
            std::fs::write(place.sidecar("head"), &changed).unwrap();
            let read = load(&system, &place).unwrap();
            assert!(
                read == head(4) || read == head(5),
                "changed at {byte}: {read:?}"
            );
        }
        // And it goes on from there.
        save(&system, &place, &head(6)).unwrap();
        assert_eq!(load(&system, &place), Some(head(6)));
    }

    #[test]
    fn who_holds_the_file_open_saves_in_the_two_places_in_turn() {
        let (_dir, place, system) = room();
        let mut held = HeadFile::open(&system, &place);
        assert_eq!(held.head(), None);
        for at in 1..=5 {
            let head = SavedHead {
                leaf: None,
                at,
                witness: 1,
                settings: Some(Settings::default()),
            };
            held.save(&system, &place, head.clone()).unwrap();
            assert_eq!(held.head(), Some(&head));
            assert_eq!(load(&system, &place), Some(head.clone()));
            assert_eq!(HeadFile::open(&system, &place).head(), Some(&head));
        }
        let bytes = std::fs::read(place.sidecar("head")).unwrap();
        let whole = bytes.split(|byte| *byte == b'\n').next().unwrap();
        assert!(whole.starts_with(b"{\"number\":5"));
        assert!(bytes[super::PLACE_BYTES..].starts_with(b"{\"number\":4"));
    }

    #[test]
    fn a_witness_covers_the_end_only() {
        let mut long = vec![b'x'; 1000];
        let before = witness(&long);
        long[0] = b'y';
        assert_eq!(witness(&long), before);
        long[999] = b'y';
        assert_ne!(witness(&long), before);
    }
}
