//! One output of a live process, read by a thread so that the process never waits for its reader.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

use crate::deadline::GENEROUS;

/// Everything that was written so far; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Captured(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    /// Where the next line for the test begins.
    next_line: usize,
    closed: bool,
}

/// What a wait for a line came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A whole line, or the rest before the end, without its newline.
    Text(String),
    /// The output is closed and all of it was taken.
    Closed,
    /// Nothing came before the deadline.
    Silence,
}

impl Captured {
    /// Reads `pipe` to its end in a thread.
    pub(super) fn read(pipe: impl Read + Send + 'static) -> Self {
        let captured = Self::default();
        let writer = captured.clone();
        thread::spawn(move || writer.fill(pipe));
        captured
    }

    fn fill(&self, mut pipe: impl Read) {
        let mut buffer = [0; 8192];
        loop {
            let read = pipe.read(&mut buffer).unwrap_or(0);
            let mut state = self.state();
            state.bytes.extend_from_slice(&buffer[..read]);
            state.closed = read == 0;
            self.0.1.notify_all();
            if read == 0 {
                return;
            }
        }
    }

    /// The next line that was not taken yet.
    pub(super) fn next_line(&self) -> Line {
        let start = Instant::now();
        let mut state = self.state();
        loop {
            let rest = &state.bytes[state.next_line..];
            let line_length = match rest.iter().position(|byte| *byte == b'\n') {
                Some(newline) => Some((newline, newline + 1)),
                None if state.closed && !rest.is_empty() => Some((rest.len(), rest.len())),
                None => None,
            };
            if let Some((text, taken)) = line_length {
                let line = String::from_utf8_lossy(&rest[..text]).into_owned();
                state.next_line += taken;
                return Line::Text(line);
            }
            if state.closed {
                return Line::Closed;
            }
            let left = GENEROUS.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Line::Silence;
            }
            state = self.0.1.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Whether the output is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// All of it so far, taken lines included.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.state().bytes).into_owned()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap()
    }
}
