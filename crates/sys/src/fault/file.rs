//! The files of a disk that fails to order.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::rules::{FaultOutcome, Operation, Rules, plainly};
use crate::{DiskFile, FileFacts};

#[derive(Debug)]
pub(super) struct FaultFile {
    inner: Box<dyn DiskFile>,
    path: PathBuf,
    rules: Arc<Rules>,
}

impl FaultFile {
    pub(super) fn new(inner: Box<dyn DiskFile>, path: &Path, rules: Arc<Rules>) -> Self {
        Self {
            inner,
            path: path.to_path_buf(),
            rules,
        }
    }

    fn write(
        &self,
        on: Operation,
        bytes: &[u8],
        put: impl Fn(&[u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let first = |length: usize| &bytes[..length.min(bytes.len())];
        match self.rules.decide(on, &self.path) {
            Some(FaultOutcome::Short(length)) => put(first(length)),
            // One byte cannot be halved: nothing was done, and the call is repeated.
            Some(FaultOutcome::Interrupted) if bytes.len() > 1 => put(first(bytes.len() / 2)),
            Some(FaultOutcome::Torn {
                bytes: length,
                errno,
            }) => {
                put(first(length))?;
                Err(io::Error::from_raw_os_error(errno))
            }
            decided => plainly(decided.as_ref(), || put(bytes)),
        }
    }
}

impl DiskFile for FaultFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        match self.rules.decide(Operation::Read, &self.path) {
            Some(FaultOutcome::Short(length)) => {
                let room = length.max(1).min(buf.len());
                self.inner.read_at(&mut buf[..room], offset)
            }
            decided => plainly(decided.as_ref(), || self.inner.read_at(buf, offset)),
        }
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        self.write(Operation::Append, bytes, |bytes| self.inner.append(bytes))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.write(Operation::WriteAt, bytes, |bytes| {
            self.inner.write_at(bytes, offset)
        })
    }

    fn sync_all(&self) -> io::Result<()> {
        let call = || self.inner.sync_all();
        self.rules.around_sync(Operation::Sync, &self.path, call)
    }

    fn facts(&self) -> io::Result<FileFacts> {
        let call = || self.inner.facts();
        self.rules.around(Operation::Facts, &self.path, call)
    }

    fn try_lock(&self) -> io::Result<bool> {
        match self.rules.decide(Operation::Lock, &self.path) {
            Some(FaultOutcome::PretendLocked) => Ok(true),
            Some(FaultOutcome::PretendBusy) => Ok(false),
            decided => plainly(decided.as_ref(), || self.inner.try_lock()),
        }
    }

    fn lock(&self) -> io::Result<()> {
        match self.rules.decide(Operation::Lock, &self.path) {
            Some(FaultOutcome::PretendLocked) => Ok(()),
            decided => plainly(decided.as_ref(), || self.inner.lock()),
        }
    }

    fn unlock(&self) -> io::Result<()> {
        let call = || self.inner.unlock();
        self.rules.around(Operation::Unlock, &self.path, call)
    }

    fn share(&self) -> io::Result<OwnedFd> {
        let call = || self.inner.share();
        self.rules.around(Operation::Share, &self.path, call)
    }

    fn has_writer(&self) -> io::Result<Option<bool>> {
        let call = || self.inner.has_writer();
        self.rules.around(Operation::Lock, &self.path, call)
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        let call = || self.inner.set_mode(mode);
        self.rules.around(Operation::SetMode, &self.path, call)
    }

    fn set_owner(&self, uid: u32, gid: u32) -> io::Result<()> {
        let call = || self.inner.set_owner(uid, gid);
        self.rules.around(Operation::SetMode, &self.path, call)
    }

    fn forget_cached(&self, from: u64) -> io::Result<()> {
        let call = || self.inner.forget_cached(from);
        self.rules.around(Operation::Forget, &self.path, call)
    }
}
