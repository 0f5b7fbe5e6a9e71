//! Interrupts: the first one asks politely, the second one ends the program at once. And the one signal that would end it
//! where an error can be told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::failure::Failure;

/// SIGXFSZ, as Linux (but on MIPS) and macOS number it.
const OVER_SIZE_LIMIT: i32 = 25;

/// A write beyond the limit on the size of files (`ulimit -f`) fails with an error from here on; by default it would end the
/// program without a word, and between two writes of a turn. Programs that are started from here are not concerned.
pub(crate) fn outlive_size_limits() -> Result<(), Failure> {
    // Once listened for, a signal keeps its handler though nobody listens any more.
    signal(SignalKind::from_raw(OVER_SIZE_LIMIT))
        .map(drop)
        .map_err(|error| Failure::new("signals cannot be listened for").because(&error))
}

/// A token that the first SIGINT, SIGTERM or SIGHUP cancels.
#[derive(Clone, Debug)]
pub(crate) struct Interrupts {
    pub(crate) token: CancellationToken,
    /// The number of the signal that came; 0 for none.
    came: Arc<AtomicU8>,
}

impl Interrupts {
    /// Begins to listen.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let interrupts = Self {
            token: CancellationToken::new(),
            came: Arc::default(),
        };
        for (number, kind) in [
            (1, SignalKind::hangup()),
            (2, SignalKind::interrupt()),
            (15, SignalKind::terminate()),
        ] {
            let mut signals = signal(kind)
                .map_err(|error| Failure::new("signals cannot be listened for").because(&error))?;
            let told = interrupts.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    if told.came.swap(number, Ordering::SeqCst) != 0 {
                        std::process::exit(i32::from(Exit::Signal(number).code()));
                    }
                    told.token.cancel();
                }
            });
        }
        Ok(interrupts)
    }

    /// How the program ends, if a signal came.
    pub(crate) fn exit(&self) -> Option<Exit> {
        match self.came.load(Ordering::SeqCst) {
            0 => None,
            number => Some(Exit::Signal(number)),
        }
    }
}
