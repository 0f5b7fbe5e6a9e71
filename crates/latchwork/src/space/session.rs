//! A look at one session.

use std::io;

use latchwork_session::{TranscriptStore as _, View};
use latchwork_sys::PathError;
use tokio_util::sync::CancellationToken;

use super::{SessionSpace, SpaceFailed, SpaceHow, SpaceProgress, measure};
use crate::Session;

impl Session {
    /// What eats the session's space. Nothing is locked or written. `watch` is told how far it has come, on another thread.
    ///
    /// # Errors
    /// See [`SpaceFailed`].
    ///
    /// # Cancel safety
    /// When its future is dropped, the look stops soon.
    pub async fn space(
        &self,
        how: SpaceHow,
        mut watch: impl FnMut(SpaceProgress) + Send + 'static,
    ) -> Result<SessionSpace, SpaceFailed> {
        // The head first: the file, which is read later, then has its entry.
        let snapshot = self.store().open(self.id(), View::Last(1)).await?;
        if !snapshot.exists {
            return Err(SpaceFailed::NoSession {
                session: self.id().clone(),
                place: self.place(),
            });
        }
        let parts = self.store().belongings(self.id()).await?;
        let transcript = measure::Transcript {
            system: self.parts().system.clone(),
            session: self.id().clone(),
            place: self.place(),
            head: snapshot.head.leaf,
        };
        let (session, place) = (self.id().clone(), self.place());
        let measured = on_thread(move |stop| {
            let mut top = measure::Top::of(how.largest);
            let of = transcript.size()?;
            let mut watched = |done| watch(SpaceProgress { done, of });
            let mut space = transcript.measure(stop, &mut top, &mut watched)?;
            space.largest = top.sorted();
            Ok(space)
        });
        let mut space = measured.await?;
        space.weigh(&parts);
        Ok(SessionSpace {
            session,
            place,
            space,
        })
    }
}

/// Blocking work that stops when nobody waits for it any more.
pub(super) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce(&CancellationToken) -> Result<T, SpaceFailed> + Send + 'static,
) -> Result<T, SpaceFailed> {
    let stop = CancellationToken::new();
    let _stops_when_dropped = stop.clone().drop_guard();
    match tokio::task::spawn_blocking(move || work(&stop)).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_ended) => Err(SpaceFailed::Stopped),
        },
    }
}

/// What was stopped is not called a fault of the file.
pub(super) fn stopped_or(error: PathError) -> SpaceFailed {
    match error.source.kind() {
        io::ErrorKind::Interrupted => SpaceFailed::Stopped,
        _ => SpaceFailed::File(error),
    }
}
