//! All sessions of a home, and what lies beside them.

use std::path::Path;

use latchwork_session::{SessionId, TranscriptStore as _, View};
use latchwork_sys::{FileKind, IoDoing as _, PathError, System};
use latchwork_transcript::{FileStore, weigh};

use super::measure::{Top, Transcript};
use super::session::on_thread;
use super::{
    Counted, Elsewhere, HomeSpace, Space, SpaceFailed, SpaceHow, SpaceProgress, SpaceSession,
};
use crate::{Latchwork, SetupError};

/// The folders of a home that are no session's own.
const FOLDERS: [&str; 3] = ["archive", "search", "blobs"];

impl Latchwork {
    /// What eats the home's space: all its sessions together, the largest of them, and what lies beside. Nothing is locked or
    /// written. `watch` is told how far it has come, on another thread. A session that cannot be read is named, and stops nobody.
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
    ) -> Result<HomeSpace, SpaceFailed> {
        let settings = self.settings();
        let (Some(store), Some(home)) = (self.home_store(), settings.home.clone()) else {
            return Err(SetupError::NoHome.into());
        };
        let system = self.parts().system.clone();
        let (mut found, mut transcripts) = (found(&home), Vec::new());
        for summary in store.list().await? {
            let head = store.open(&summary.session, View::Last(1)).await;
            let sidecar_bytes = found.beside(store, &summary.session).await?;
            found.sessions.push(SpaceSession {
                session: summary.session.clone(),
                bytes: summary.bytes,
                sidecar_bytes,
            });
            match head {
                Ok(snapshot) if snapshot.exists => transcripts.push(Transcript {
                    system: system.clone(),
                    place: store
                        .place(&summary.session)
                        .map(|place| place.transcript.clone())
                        .unwrap_or_default(),
                    session: summary.session,
                    head: snapshot.head.leaf,
                }),
                Ok(_) => {}
                Err(error) => found.unread.push((summary.session, error.to_string())),
            }
        }
        found
            .sessions
            .sort_by_key(|one| std::cmp::Reverse(one.bytes.saturating_add(one.sidecar_bytes)));
        on_thread(move |stop| {
            let mut top = Top::of(how.largest);
            let sizes = transcripts.iter().map(|one| one.size().unwrap_or_default());
            let (of, mut before) = (sizes.sum(), 0_u64);
            for one in &transcripts {
                let mut watched = |done| {
                    watch(SpaceProgress {
                        done: before.saturating_add(done),
                        of,
                    });
                };
                match one.measure(stop, &mut top, &mut watched) {
                    Ok(space) => found.space.join(&space),
                    Err(SpaceFailed::Stopped) => return Err(SpaceFailed::Stopped),
                    Err(error) => found.unread.push((one.session.clone(), error.to_string())),
                }
                before = before.saturating_add(one.size().unwrap_or_default());
            }
            found.space.largest = top.sorted();
            found.weigh_all(&system)?;
            Ok(found)
        })
        .await
    }
}

fn found(home: &Path) -> HomeSpace {
    HomeSpace {
        home: home.to_path_buf(),
        all: Counted::default(),
        space: Space::default(),
        sessions: Vec::new(),
        elsewhere: Vec::new(),
        unread: Vec::new(),
    }
}

impl HomeSpace {
    /// Weighs what lies beside a session: how much that is.
    async fn beside(&mut self, store: &FileStore, session: &SessionId) -> Result<u64, SpaceFailed> {
        let parts = store.belongings(session).await?;
        let before = self.beside_bytes();
        self.space.weigh(&parts);
        Ok(self.beside_bytes().saturating_sub(before))
    }

    fn beside_bytes(&self) -> u64 {
        let all = self.space.sidecars.iter().map(|one| one.counted.bytes);
        all.fold(0, u64::saturating_add)
    }

    /// The home as a whole, and what of it is no session's own.
    fn weigh_all(&mut self, system: &System) -> Result<(), PathError> {
        self.all = counted(system, &self.home)?;
        let sessions: u64 = self.sessions.iter().map(|one| one.bytes).sum();
        let beside = &self.space.sidecars;
        let mut known = Counted {
            count: self.sessions.len() as u64,
            bytes: sessions,
        };
        for one in beside.iter().map(|one| one.counted) {
            known.add(one.count, one.bytes);
        }
        for what in FOLDERS {
            let counted = counted(system, &self.home.join(what))?;
            known.add(counted.count, counted.bytes);
            if counted.count > 0 {
                self.elsewhere.push(Elsewhere { what, counted });
            }
        }
        let other = Counted {
            count: self.all.count.saturating_sub(known.count),
            bytes: self.all.bytes.saturating_sub(known.bytes),
        };
        if other.count > 0 {
            self.elsewhere.push(Elsewhere {
                what: "other",
                counted: other,
            });
        }
        Ok(())
    }
}

/// What lies in a folder, or behind a link to one.
fn counted(system: &System, folder: &Path) -> Result<Counted, PathError> {
    match system.disk.facts_behind(folder) {
        Ok(facts) if facts.kind == FileKind::Directory => {
            let (files, bytes) = weigh(system, folder)?;
            Ok(Counted {
                count: files as u64,
                bytes,
            })
        }
        Ok(_) => Ok(Counted::default()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Counted::default()),
        Err(error) => Err(error).doing("look at", folder),
    }
}

impl Space {
    /// Takes another transcript in; what lies beside and what is largest is kept apart.
    fn join(&mut self, other: &Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.entries = self.entries.saturating_add(other.entries);
        for (kind, space) in &other.kinds {
            self.kinds.entry(*kind).or_default().join(space);
        }
        self.frame_bytes = self.frame_bytes.saturating_add(other.frame_bytes);
        self.damaged.add(other.damaged.count, other.damaged.bytes);
        self.fragment_bytes = self.fragment_bytes.saturating_add(other.fragment_bytes);
    }
}
