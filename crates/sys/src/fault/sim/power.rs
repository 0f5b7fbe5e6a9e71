//! The moment at which the power goes: what of a state is there afterwards.
//!
//! - Of the names that wait, a prefix survives ([`PowerLoss::Journal`]) or any set in which each name keeps its order
//!   ([`PowerLoss::Strict`]). A rename happens whole or not at all. Who is reachable by no name is gone.
//! - Of the bytes that wait, each sector of 512 bytes is, by itself, as it was before or as it was after any of the writes to it; the size may
//!   run ahead of the data, and what is then missing is zeros. A sector is never half of each: devices promise that. In strict mode
//!   the last sector of what is new is sometimes garbage.
//! - What was synced is there, unless the device lied about it ([`PowerLoss::FlushLies`]).
//!
//! Deliberately absent: bytes that change outside of a write (bit rot).

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::sync::Arc;

use super::choice::Choice;
use super::content::{Content, pieces};
use super::inode::{Body, DirBody, FileBody, Inode, Names, Node};
use super::state::{Move, ROOT, State};

/// Bytes that a device writes whole or not at all.
const SECTOR: u64 = 512;

/// How a filesystem and its device lose what was not made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PowerLoss {
    /// Changes of names are kept in their order, as in a journal.
    Journal,
    /// Each name keeps its own order only; and the last sector of a file may be garbage.
    Strict,
    /// As strict, and the device had said of everything since some earlier moment that it was durable when it was not.
    FlushLies,
}

/// What is there after a cut.
pub(super) fn cut(state: &State, choice: &mut dyn Choice, how: PowerLoss) -> State {
    let dirs = surviving_names(state, choice, how);
    let links = reachable(state, &dirs);
    let mut nodes = vec![None; state.nodes().len()];
    for (number, inode) in state.nodes().iter().enumerate() {
        let Ok(node) = Node::try_from(number) else {
            continue;
        };
        if let (Some(inode), Some(nlink)) = (inode, links.get(&node)) {
            nodes[number] = Some(surviving(inode, *nlink, dirs.get(&node), choice, how));
        }
    }
    state.rebuilt(nodes)
}

/// The names of those directories that have others than the last sync left.
type Changed = HashMap<Node, Arc<Names>>;

fn surviving_names(state: &State, choice: &mut dyn Choice, how: PowerLoss) -> Changed {
    let mut dirs = Changed::new();
    if how == PowerLoss::Journal {
        let kept = choice.below(count(state.moves.len() + 1)) as usize;
        for change in &state.moves[..kept] {
            apply(state, &mut dirs, change);
        }
        return dirs;
    }
    let mut stuck: HashSet<(Node, &OsStr)> = HashSet::new();
    for change in &state.moves {
        let names = || change.0.iter().map(|(dir, name, _)| (*dir, &**name));
        if names().any(|name| stuck.contains(&name)) || choice.below(2) == 0 {
            stuck.extend(names());
        } else {
            apply(state, &mut dirs, change);
        }
    }
    dirs
}

fn apply(state: &State, dirs: &mut Changed, change: &Move) {
    for (dir, name, meant) in &change.0 {
        let durable = || {
            let body = state.inode(*dir).ok().and_then(Inode::dir);
            body.map(|body| Arc::clone(&body.durable))
                .unwrap_or_default()
        };
        let names = Arc::make_mut(dirs.entry(*dir).or_insert_with(durable));
        match meant {
            Some(node) => names.insert(Arc::clone(name), *node),
            None => names.remove(name),
        };
    }
}

/// Every inode that has a name, and how many.
fn reachable(state: &State, dirs: &Changed) -> HashMap<Node, u64> {
    let mut links = HashMap::from([(ROOT, 2)]);
    let mut ahead = vec![ROOT];
    while let Some(dir) = ahead.pop() {
        let Some(body) = state.inode(dir).ok().and_then(Inode::dir) else {
            continue;
        };
        let names = dirs.get(&dir).unwrap_or(&body.durable);
        for node in names.values() {
            let is_dir = state.inode(*node).is_ok_and(|inode| inode.dir().is_some());
            let seen = links.entry(*node).or_insert(0);
            *seen += 1;
            if is_dir && *seen == 1 {
                *seen = 2;
                ahead.push(*node);
            }
        }
    }
    links
}

fn surviving(
    inode: &Arc<Inode>,
    nlink: u64,
    names: Option<&Arc<Names>>,
    choice: &mut dyn Choice,
    how: PowerLoss,
) -> Arc<Inode> {
    let mode = match inode.mode == inode.durable_mode || choice.below(2) == 1 {
        true => inode.mode,
        false => inode.durable_mode,
    };
    let body = match &inode.body {
        Body::Dir(dir) => {
            let names = names.unwrap_or(&dir.durable);
            let is_same = Arc::ptr_eq(names, &dir.now) && Arc::ptr_eq(names, &dir.durable);
            (!is_same).then(|| {
                Body::Dir(DirBody {
                    now: Arc::clone(names),
                    durable: Arc::clone(names),
                })
            })
        }
        Body::File(file) => {
            let is_same = file.waiting.is_empty() && file.cache.is(&file.durable);
            (!is_same).then(|| {
                let found = surviving_bytes(file, choice, how);
                Body::File(FileBody {
                    cache: found.clone(),
                    durable: found,
                    waiting: Vec::new(),
                })
            })
        }
    };
    if body.is_none() && mode == inode.mode && mode == inode.durable_mode && nlink == inode.nlink {
        return Arc::clone(inode);
    }
    Arc::new(Inode {
        ino: inode.ino,
        nlink,
        mode,
        durable_mode: mode,
        modified: inode.modified,
        body: body.unwrap_or_else(|| inode.body.clone()),
    })
}

fn surviving_bytes(file: &FileBody, choice: &mut dyn Choice, how: PowerLoss) -> Content {
    let mut found = file.durable.clone();
    if file.waiting.is_empty() {
        return found;
    }
    let size = surviving_size(file, choice);
    found.reach(size);
    // All lost and all kept are worth more of the time than chance would give them.
    let (is_all, is_none) = match choice.below(4) {
        0 => (false, true),
        3 => (true, false),
        _ => (false, false),
    };
    let mut left_behind: HashSet<usize> = HashSet::new();
    for write in file.waiting.iter().filter(|_| !is_none) {
        let seen = size.saturating_sub(write.at);
        let length = write
            .bytes
            .len()
            .min(usize::try_from(seen).unwrap_or(usize::MAX));
        if is_all {
            found.write(&write.bytes[..length], write.at);
            continue;
        }
        let mut from = 0;
        for (sector, _, piece) in pieces(write.at, length, SECTOR) {
            let bytes = &write.bytes[from..from + piece];
            if !left_behind.contains(&sector) {
                if choice.below(2) == 1 {
                    found.write(bytes, write.at + from as u64);
                } else {
                    left_behind.insert(sector);
                }
            }
            from += piece;
        }
    }
    if how != PowerLoss::Journal && size > file.durable.len() && choice.rarely() {
        spoil(&mut found, file.durable.len(), choice);
    }
    found
}

/// A size between what the device has and what was written: at the end of a write, or at the border of a sector.
fn surviving_size(file: &FileBody, choice: &mut dyn Choice) -> u64 {
    let least = file.durable.len();
    let ends = || file.waiting.iter().map(super::inode::Write::end);
    let most = ends().fold(least, u64::max);
    if most == least {
        return least;
    }
    match choice.below(3) {
        0 => least,
        1 => {
            let borders = (least / SECTOR + 1..=most / SECTOR).map(|border| border * SECTOR);
            let mut sizes: Vec<u64> = ends().filter(|end| *end > least).chain(borders).collect();
            sizes.sort_unstable();
            sizes.dedup();
            let chosen = choice.below(count(sizes.len())) as usize;
            sizes.get(chosen).copied().unwrap_or(most)
        }
        _ => most,
    }
}

/// The last sector, as far as nothing durable is in it, holds what was on the device before.
fn spoil(found: &mut Content, durable: u64, choice: &mut dyn Choice) {
    let end = found.len();
    let from = durable.max((end - 1) / SECTOR * SECTOR);
    let seed = choice.below(256);
    let garbage = |at: u64| (at.wrapping_mul(167) as u8) ^ u8::try_from(seed).unwrap_or(0xA5);
    let bytes: Vec<u8> = (from..end).map(garbage).collect();
    found.write(&bytes, from);
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
