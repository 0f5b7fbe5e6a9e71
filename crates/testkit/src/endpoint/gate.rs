//! A gate in a reply: the server waits there until the test opens it.

use std::sync::Arc;

use tokio::sync::watch;

use crate::deadline::eventually;

/// A point that a reply does not pass before the test says so; clones are the same gate. Opened, it stays open.
#[derive(Debug, Clone)]
pub struct Gate {
    reached: Arc<watch::Sender<bool>>,
    open: Arc<watch::Sender<bool>>,
}

impl Gate {
    /// A closed gate.
    #[expect(
        clippy::new_without_default,
        reason = "a gate is made to be held on to; a default one would stall for ever"
    )]
    pub fn new() -> Self {
        Self {
            reached: Arc::new(watch::Sender::new(false)),
            open: Arc::new(watch::Sender::new(false)),
        }
    }

    /// Waits until a reply has come to the gate; from then to [`Gate::open`] the model call is known to be under way.
    ///
    /// # Panics
    /// When none comes.
    ///
    /// # Blocking
    /// Until one has.
    pub fn wait_reached(&self) {
        eventually("a reply at the gate", || {
            self.reached.borrow().then_some(())
        });
    }

    /// Lets the reply go on.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// The server's side: marks the gate as reached and waits for it.
    pub(super) async fn pass(&self) {
        self.reached.send_replace(true);
        let mut open = self.open.subscribe();
        let _the_sender_is_ours = open.wait_for(|open| *open).await;
    }
}
