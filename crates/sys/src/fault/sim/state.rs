//! Everything that a machine in memory has on its disk, as one value that is cheap to clone.
//!
//! Inodes are shared between clones; the one that changes is copied, its pages are not. A name that is made, moved or removed is
//! seen at once and waits in `moves` until its directory is synced.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use super::inode::{Body, DirBody, FileBody, Inode, Names, Node};
use crate::{FileFacts, FileKind};

/// The directory `/`.
pub(super) const ROOT: Node = 0;
/// How many files without a name may be left before the space of those that nobody can ever see again is taken back.
const ORPHANS_MAX: u32 = 16;
const NAME_MAX: usize = 255;
/// Device number of all files.
const DEV: u64 = 0x5D;
/// Times are seen as coarse as a kernel that ticks 250 times a second shows them: several changes have the same.
const TICK_MS: u64 = 4;

#[derive(Clone, Debug)]
pub(super) struct State {
    nodes: Vec<Option<Arc<Inode>>>,
    vacant: Vec<Node>,
    /// Names that wait for a sync of their directory, oldest first.
    pub(super) moves: Vec<Arc<Move>>,
    /// Inode numbers to be given out again, the last first, as ext4 does.
    free: Vec<u64>,
    next_ino: u64,
    /// Milliseconds since 1970; each change takes one.
    pub(super) now_ms: u64,
    orphans: u32,
}

/// One change of names, which happens whole or not at all: what each name means afterwards.
#[derive(Clone, Debug)]
pub(super) struct Move(pub(super) Vec<(Node, Arc<OsStr>, Option<Node>)>);

/// Where a path leads to, or would: a directory and a name in it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) dir: Node,
    pub(super) name: Arc<OsStr>,
    pub(super) node: Option<Node>,
}

impl Move {
    pub(super) fn touches(&self, dir: Node) -> bool {
        self.0.iter().any(|(at, ..)| *at == dir)
    }
}

impl State {
    pub(super) fn new(now_ms: u64) -> Self {
        let root = Inode {
            ino: 2,
            nlink: 2,
            mode: 0o755,
            durable_mode: 0o755,
            modified: now_ms,
            body: Body::Dir(DirBody::default()),
        };
        Self {
            nodes: vec![Some(Arc::new(root))],
            vacant: Vec::new(),
            moves: Vec::new(),
            free: Vec::new(),
            next_ino: 11,
            now_ms,
            orphans: 0,
        }
    }

    /// The inodes as a cut leaves them: nothing waits, and numbers are given out anew where two had the same.
    pub(super) fn rebuilt(&self, mut nodes: Vec<Option<Arc<Inode>>>) -> Self {
        let mut next_ino = self.next_ino;
        let mut taken = HashSet::new();
        for inode in nodes.iter_mut().flatten() {
            if !taken.insert(inode.ino) {
                Arc::make_mut(inode).ino = next_ino;
                next_ino += 1;
            }
        }
        let is_free = |ino: &&u64| !taken.contains(*ino);
        let vacant = |(node, inode): (usize, &Option<_>)| match inode {
            None => Node::try_from(node).ok(),
            Some(_) => None,
        };
        Self {
            vacant: nodes.iter().enumerate().filter_map(vacant).collect(),
            nodes,
            moves: Vec::new(),
            free: self.free.iter().filter(is_free).copied().collect(),
            next_ino,
            now_ms: self.now_ms,
            orphans: 0,
        }
    }

    pub(super) fn nodes(&self) -> &[Option<Arc<Inode>>] {
        &self.nodes
    }

    pub(super) fn inode(&self, node: Node) -> io::Result<&Inode> {
        let found = self.nodes.get(node as usize).and_then(Option::as_deref);
        found.ok_or_else(|| Errno::STALE.into())
    }

    pub(super) fn inode_mut(&mut self, node: Node) -> io::Result<&mut Inode> {
        let found = self.nodes.get_mut(node as usize).and_then(Option::as_mut);
        found.map(Arc::make_mut).ok_or_else(|| Errno::STALE.into())
    }

    pub(super) fn file_mut(&mut self, node: Node) -> io::Result<&mut FileBody> {
        match &mut self.inode_mut(node)?.body {
            Body::File(file) => Ok(file),
            Body::Dir(_) => Err(Errno::ISDIR.into()),
        }
    }

    pub(super) fn names(&self, dir: Node) -> io::Result<&Names> {
        match self.inode(dir)?.dir() {
            Some(dir) => Ok(&dir.now),
            None => Err(Errno::NOTDIR.into()),
        }
    }

    /// A moment passes; the time of a change is what comes back.
    pub(super) fn tick(&mut self) -> u64 {
        self.now_ms += 1;
        self.now_ms - self.now_ms % TICK_MS
    }

    /// The inode that a path leads to.
    pub(super) fn find(&self, path: &Path) -> io::Result<Node> {
        let mut way = vec![ROOT];
        for part in path.components() {
            match part {
                Component::Normal(name) => {
                    let at = way.last().copied().unwrap_or(ROOT);
                    way.push(self.named(at, name)?.ok_or(Errno::NOENT)?);
                }
                Component::ParentDir => {
                    self.names(way.last().copied().unwrap_or(ROOT))?;
                    if way.len() > 1 {
                        way.pop();
                    }
                }
                Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            }
        }
        Ok(way.last().copied().unwrap_or(ROOT))
    }

    /// The directory and the name that a path ends with, whether or not anything stands there.
    pub(super) fn place(&self, path: &Path) -> io::Result<Place> {
        let name = path.file_name().ok_or(Errno::BUSY)?;
        let dir = self.find(path.parent().unwrap_or(Path::new("/")))?;
        Ok(Place {
            dir,
            name: Arc::from(name),
            node: self.named(dir, name)?,
        })
    }

    fn named(&self, dir: Node, name: &OsStr) -> io::Result<Option<Node>> {
        let names = self.names(dir)?;
        if name.len() > NAME_MAX {
            return Err(Errno::NAMETOOLONG.into());
        }
        Ok(names.get(name).copied())
    }

    /// A new inode without a name.
    pub(super) fn make(&mut self, mode: u32, body: Body) -> Node {
        let ino = self.free.pop().unwrap_or_else(|| {
            self.next_ino += 1;
            self.next_ino
        });
        let modified = self.tick();
        let inode = Some(Arc::new(Inode {
            ino,
            nlink: if matches!(body, Body::Dir(_)) { 1 } else { 0 },
            mode: mode & 0o7777,
            durable_mode: mode & 0o7777,
            modified,
            body,
        }));
        match self.vacant.pop() {
            Some(node) => {
                self.nodes[node as usize] = inode;
                node
            }
            None => {
                self.nodes.push(inode);
                Node::try_from(self.nodes.len() - 1).unwrap_or(Node::MAX)
            }
        }
    }

    /// Does a change of names: at once for who looks, later for the device. The inodes that lost their last name come back.
    pub(super) fn rename(&mut self, change: Move) -> io::Result<Vec<Node>> {
        let modified = self.tick();
        let mut lost = Vec::new();
        for (dir, name, meant) in &change.0 {
            let inode = self.inode_mut(*dir)?;
            inode.modified = modified;
            let Body::Dir(body) = &mut inode.body else {
                return Err(Errno::NOTDIR.into());
            };
            let names = Arc::make_mut(&mut body.now);
            let before = match meant {
                Some(node) => names.insert(Arc::clone(name), *node),
                None => names.remove(name),
            };
            if let Some(node) = meant {
                self.inode_mut(*node)?.nlink += 1;
            }
            if let Some(before) = before {
                let inode = self.inode_mut(before)?;
                inode.nlink -= 1;
                lost.push(before);
            }
        }
        self.moves.push(Arc::new(change));
        lost.retain(|node| self.is_nameless(*node));
        self.orphans += u32::try_from(lost.len()).unwrap_or(0);
        Ok(lost)
    }

    pub(super) fn is_nameless(&self, node: Node) -> bool {
        self.inode(node).is_ok_and(|inode| match inode.body {
            Body::File(_) => inode.nlink == 0,
            Body::Dir(_) => inode.nlink == 1,
        })
    }

    /// Nobody can reach this inode any more: its number may be given out again.
    pub(super) fn give_back_number(&mut self, node: Node) {
        if let Ok(inode) = self.inode(node) {
            self.free.push(inode.ino);
        }
    }

    /// Makes the names of a directory durable, with all that happened before to any name that has to do with them.
    pub(super) fn sync_dir(&mut self, dir: Node) -> io::Result<()> {
        self.names(dir)?;
        let mut names: HashSet<(Node, Arc<OsStr>)> = HashSet::new();
        let mut done = Vec::new();
        let moves = std::mem::take(&mut self.moves);
        for change in moves.into_iter().rev() {
            let ours = change.touches(dir)
                || (!names.is_empty()
                    && change
                        .0
                        .iter()
                        .any(|(at, name, _)| names.contains(&(*at, Arc::clone(name)))));
            if ours {
                // Only what reaches into another directory can pull in what did not happen in this one.
                if change.0.iter().any(|(at, ..)| *at != dir) {
                    let touched = change.0.iter().map(|(at, name, _)| (*at, name.clone()));
                    names.extend(touched);
                }
                done.push(change);
            } else {
                self.moves.push(change);
            }
        }
        self.moves.reverse();
        for (at, name, meant) in done.iter().rev().flat_map(|change| &change.0) {
            if *at != dir {
                self.set_durable(*at, name, *meant);
            }
        }
        let inode = self.inode_mut(dir)?;
        inode.durable_mode = inode.mode;
        if let Body::Dir(body) = &mut inode.body {
            body.durable = Arc::clone(&body.now);
        }
        Ok(())
    }

    fn set_durable(&mut self, dir: Node, name: &Arc<OsStr>, meant: Option<Node>) {
        // A directory that is gone has no names to keep.
        if let Ok(inode) = self.inode_mut(dir)
            && let Body::Dir(body) = &mut inode.body
        {
            let names = Arc::make_mut(&mut body.durable);
            match meant {
                Some(node) => names.insert(Arc::clone(name), node),
                None => names.remove(name),
            };
        }
    }

    /// Takes back the space of inodes that neither the running system nor any cut can show again.
    pub(super) fn tidy(&mut self, open: impl Iterator<Item = Node>) {
        if self.orphans < ORPHANS_MAX {
            return;
        }
        let mut kept: HashSet<Node> = open.collect();
        kept.insert(ROOT);
        let moved = self.moves.iter().flat_map(|change| &change.0);
        kept.extend(
            moved
                .flat_map(|(dir, _, node)| [Some(*dir), *node])
                .flatten(),
        );
        for dir in self.nodes.iter().flatten().filter_map(|node| node.dir()) {
            kept.extend(dir.now.values());
            kept.extend(dir.durable.values());
        }
        for node in 0..self.nodes.len() {
            let Ok(node) = Node::try_from(node) else {
                continue;
            };
            if !kept.contains(&node) && self.nodes[node as usize].take().is_some() {
                self.vacant.push(node);
            }
        }
        self.orphans = 0;
    }

    pub(super) fn facts(&self, node: Node, (uid, gid): (u32, u32)) -> io::Result<FileFacts> {
        let inode = self.inode(node)?;
        let (kind, size) = match &inode.body {
            Body::File(file) => (FileKind::Regular, file.cache.len()),
            Body::Dir(_) => (FileKind::Directory, 4096),
        };
        Ok(FileFacts {
            dev: DEV,
            ino: inode.ino,
            nlink: inode.nlink,
            size,
            mode: inode.mode,
            uid,
            gid,
            kind,
            modified_ms: i64::try_from(inode.modified).unwrap_or(i64::MAX),
            modified_nanos: u32::try_from(inode.modified % 1000 * 1_000_000).unwrap_or(0),
        })
    }
}

/// The path from `/` on, without `.` and `..`. Without links that can be told from the path alone.
pub(super) fn full(path: &Path) -> PathBuf {
    let mut full = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => full.push(name),
            Component::ParentDir => {
                full.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    full
}
