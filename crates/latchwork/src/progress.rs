//! How far something long has come, told to whoever wants to show it.

use std::sync::Arc;

/// Is told how many bytes are done, and of how many; 0 where nobody knows. It is called on another thread, and often: it is to be quick.
pub type WatchBytes = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// Somebody who is told, or nobody.
#[derive(Clone, Default)]
pub(crate) struct Told(pub(crate) Option<WatchBytes>);

impl Told {
    pub(crate) fn tell(&self, done: u64, of: u64) {
        if let Some(watch) = &self.0 {
            watch(done, of);
        }
    }
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Told").field(&self.0.is_some()).finish()
    }
}
