//! Sessions used lately: where they are, and their latch file, open and unlocked, so that the next latch costs fewer calls.
//!
//! Invariants: a descriptor lies here only while nobody uses it, and is taken out by its one user, so its `flock` is
//! nobody else's; a descriptor that others may share (a waiting thread's, a child's) is never put here. Nothing that lies
//! here is trusted: the folder is looked at before a place is used, and the latch's inode after it was locked.
//! Limit: [`SESSIONS`]; what was not used for longest is closed.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::Site;
use crate::locked::OpenFile;
use crate::place::Place;

/// How many sessions are remembered.
const SESSIONS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// Sessions used lately.
#[derive(Debug)]
pub(crate) struct Lately(Mutex<LruCache<Site, Desk>>);

#[derive(Debug)]
struct Desk {
    place: Arc<Place>,
    latch: Option<OpenFile>,
}

impl Default for Lately {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(SESSIONS)))
    }
}

impl Lately {
    pub(crate) fn place(&self, site: &Site) -> Option<Arc<Place>> {
        Some(Arc::clone(&self.table().get(site)?.place))
    }

    /// The place of a site whose latch file lies here.
    pub(crate) fn place_with_latch(&self, site: &Site) -> Option<Arc<Place>> {
        let mut table = self.table();
        let desk = table.get(site)?;
        desk.latch.is_some().then(|| Arc::clone(&desk.place))
    }

    pub(crate) fn remember(&self, site: &Site, place: &Arc<Place>) {
        let place = Arc::clone(place);
        self.table().put(site.clone(), Desk { place, latch: None });
    }

    /// The latch file of a place, to be used by the caller alone.
    pub(crate) fn take_latch(&self, place: &Place) -> Option<OpenFile> {
        self.table().peek_mut(&place.site)?.latch.take()
    }

    /// Keeps the latch file of a place for the next time, if the place is still remembered.
    pub(crate) fn put_latch(&self, place: &Place, latch: OpenFile) {
        if let Some(desk) = self.table().peek_mut(&place.site) {
            desk.latch = Some(latch);
        }
    }

    fn table(&self) -> MutexGuard<'_, LruCache<Site, Desk>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
