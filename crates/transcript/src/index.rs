//! The saved index: `.latchwork/<id>.index`, the rows of a transcript as its last writer knew them.
//!
//! It is a help and never the truth: whoever reads it takes it only for the very file that it was written for (inode, both ends,
//! every damaged line), each line is held against its row when it is read, and what came since is read from the file. It is
//! written over in place by the holder of a guard, behind what it has just committed, when much has come since the last time; never
//! synced. A torn or strange one fails its sums and is passed over, and so is one that cannot be written.
//!
//! ```text
//! "lwindex" 1, then little-endian: length of the rest, sum of what follows (CRC-32, in 8 bytes), device, inode, checksum of the first
//! 4 KiB and the last 4 KiB before the end known, witness, checksum of the damaged lines, and the outline's own bytes.
//! ```

use latchwork_format::{Limits, Outline};
use latchwork_sys::{DiskFile, IoDoing, OpenHow, PathError, System, read_exact_at};

use crate::head_file::checksum;
use crate::layout::Place;
use crate::state::{Known, read_from};

const MAGIC: [u8; 8] = *b"lwindex\x01";
/// How many numbers stand before the outline.
const NUMBERS: usize = 7;
const HEAD_BYTES: usize = MAGIC.len() + NUMBERS * 8;
/// As much of each end is held against the file, in bytes.
const END_BYTES: u64 = 4_096;
/// A transcript up to this size, in bytes, is read faster than its index is kept.
const WORTH_BYTES: u64 = 1 << 20;
/// It is written again when an eighth as much has come since: reading that is quick, and writing costs little for each entry.
const GROWN_BY: u64 = 8;

/// The transcript `file` as its last writer knew it, if both ends are still the same. [`Known::fits`] looks at the rest.
pub(crate) fn load(system: &System, place: &Place, file: &dyn DiskFile) -> Option<Known> {
    let path = place.sidecar("index");
    let saved = system.disk.open(&path, &OpenHow::reading()).ok()?;
    let known = read(&read_from(&*saved, 0).ok()?);
    if known.is_none() {
        tracing::debug!(?path, "the saved index is not whole and is passed over");
    }
    let (known, ends) = known?;
    let same = ends_of(file, known.outline.saved_through()).is_ok_and(|now| now == ends);
    same.then_some(known)
}

fn read(bytes: &[u8]) -> Option<(Known, u64)> {
    let numbers = bytes.get(MAGIC.len()..HEAD_BYTES)?;
    let numbers: Vec<u64> = numbers
        .as_chunks()
        .0
        .iter()
        .map(|number| u64::from_le_bytes(*number))
        .collect();
    let [len, sum, dev, ino, ends, witness, damaged] = *numbers.as_slice() else {
        return None;
    };
    let rest = bytes.get(HEAD_BYTES..)?.get(..usize::try_from(len).ok()?)?;
    let head = bytes.get(MAGIC.len() + 16..HEAD_BYTES)?;
    if !bytes.starts_with(&MAGIC) || u64::from(crc32fast::hash(head)) != sum {
        return None;
    }
    let outline = Outline::from_bytes(rest, Limits::default())?;
    let known = Known {
        inode: (dev, ino),
        witness,
        damaged,
        damage_seen: outline.damage().len(),
        indexed: outline.saved_through(),
        outline,
        ..Known::default()
    };
    Some((known, ends))
}

/// The checksum of both ends of what is known.
fn ends_of(file: &dyn DiskFile, through: u64) -> std::io::Result<u64> {
    let len = usize::try_from(through.min(END_BYTES)).unwrap_or(0);
    let (mut first, mut last) = (vec![0; len], vec![0; len]);
    read_exact_at(file, &mut first, 0)?;
    read_exact_at(file, &mut last, through - len as u64)?;
    Ok(checksum(&[&first, &last]))
}

/// Saves what is known, if that is worth it. Under the guard only.
pub(crate) fn save(system: &System, place: &Place, known: &mut Known, file: &dyn DiskFile) {
    let through = known.outline.saved_through();
    let new = through.saturating_sub(known.indexed);
    if new < WORTH_BYTES || new < known.indexed / GROWN_BY {
        return;
    }
    // Whatever comes of it, it is not tried again at once.
    known.indexed = through;
    let path = place.sidecar("index");
    if let Err(error) = write(system, place, known, file) {
        tracing::debug!(?path, %error, "the index was not saved");
    }
}

fn write(
    system: &System,
    place: &Place,
    known: &Known,
    file: &dyn DiskFile,
) -> Result<(), PathError> {
    let path = place.sidecar("index");
    let Some(outline) = known.outline.to_bytes() else {
        return Ok(());
    };
    let ends = ends_of(file, known.outline.saved_through()).doing("read", &place.transcript)?;
    let (dev, ino) = known.inode;
    let head: Vec<u8> = [dev, ino, ends, known.witness, known.damaged]
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    let mut bytes = MAGIC.to_vec();
    bytes.extend((outline.len() as u64).to_le_bytes());
    bytes.extend(u64::from(crc32fast::hash(&head)).to_le_bytes());
    bytes.extend(head);
    bytes.extend(outline);
    let put = || {
        let index = system.disk.open(&path, &OpenHow::updating().or_create())?;
        crate::tail::write_all(&*index, 0, &bytes)
    };
    put().doing("save the index in", &path)
}
