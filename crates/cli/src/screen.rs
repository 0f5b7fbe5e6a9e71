//! Shows what happens, on a thread of its own.
//!
//! A terminal may be held still (Ctrl-S, a pager, a full pipe) for as long as a person likes, and events are told in the
//! middle of everything, also while a guard is held. So whoever tells only hands over, and never waits. Limit: what is not
//! shown yet is kept in memory.

use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;

use crate::failure::Failure;

/// Shows one thing after the other.
pub(crate) trait Show<T>: Send + 'static {
    /// Shows a thing.
    fn show(&mut self, thing: T);

    /// Everything was shown; whether all of it went out.
    fn end(self) -> Result<(), Failure>;
}

/// The thread that shows.
pub(crate) struct Screen<T> {
    to: Sender<Option<T>>,
    thread: JoinHandle<Result<(), Failure>>,
}

/// A way to the screen. Handing over never waits.
#[derive(Clone)]
pub(crate) struct Teller<T>(Sender<Option<T>>);

impl<T> Teller<T> {
    /// Has a thing shown. After the end, nothing is.
    pub(crate) fn tell(&self, thing: T) {
        let _after_the_end = self.0.send(Some(thing));
    }
}

impl<T: Send + 'static> Screen<T> {
    /// Begins to show.
    pub(crate) fn start(mut show: impl Show<T>) -> Result<Self, Failure> {
        let (to, from) = mpsc::channel::<Option<T>>();
        let shows = move || {
            while let Ok(Some(thing)) = from.recv() {
                show.show(thing);
            }
            show.end()
        };
        let thread = std::thread::Builder::new()
            .name("screen".to_owned())
            .spawn(shows);
        let thread = thread.map_err(|error| {
            Failure::new("the thread that shows what happens cannot be started").because(&error)
        })?;
        Ok(Self { to, thread })
    }

    /// A way to it.
    pub(crate) fn teller(&self) -> Teller<T> {
        Teller(self.to.clone())
    }

    /// Waits until everything that was told is shown.
    ///
    /// # Blocking
    /// For as long as the terminal takes.
    pub(crate) fn end(self) -> Result<(), Failure> {
        // Tellers may live on, so the end is told, too.
        let _gone = self.to.send(None);
        self.thread
            .join()
            .unwrap_or_else(|_| Err(Failure::new("the thread that shows what happens failed")))
    }
}

#[cfg(test)]
mod tests {
    use super::{Screen, Show};
    use crate::failure::Failure;
    use std::sync::mpsc::{Receiver, Sender, channel};

    struct Held {
        until: Receiver<()>,
        shown: Sender<u32>,
    }

    impl Show<u32> for Held {
        fn show(&mut self, thing: u32) {
            let _ = self.until.recv();
            self.shown.send(thing).unwrap();
        }
        fn end(self) -> Result<(), Failure> {
            Ok(())
        }
    }

    #[test]
    fn whoever_tells_does_not_wait_for_a_screen_that_is_held_still() {
        let ((let_go, until), (shown, seen)) = (channel(), channel());
        let screen = Screen::start(Held { until, shown }).unwrap();
        let teller = screen.teller();
        (0..3).for_each(|thing| teller.tell(thing));
        assert!(
            seen.try_recv().is_err(),
            "nothing is shown yet, and here we are"
        );
        drop(let_go);
        screen.end().unwrap();
        teller.tell(9);
        assert_eq!(seen.iter().collect::<Vec<_>>(), [0, 1, 2]);
    }
}
