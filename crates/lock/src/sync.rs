//! What the queue synchronises by: the standard library, or loom's double of it, under which every
//! interleaving of a small program is run (`cargo xtask torture loom`).

#[cfg(not(all(loom, test)))]
pub(crate) use std::sync::{Mutex, MutexGuard};

#[cfg(all(loom, test))]
pub(crate) use loom::sync::{Mutex, MutexGuard};
