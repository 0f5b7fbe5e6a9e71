//! How far something long has come: a bar on standard error, if that is a terminal and it takes a while.
//!
//! What is told ends with the bar: it is cleared, and nothing of it stays on the screen.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use latchwork::sys::Clock;

use crate::world::World;

/// What takes no longer has no bar.
const AT_ONCE: Duration = Duration::from_millis(800);
/// Of things that are counted, of bytes, and where nobody knows how many there are.
const COUNTED: &str = "{msg} {wide_bar} {pos}/{len} {eta}";
const BYTES: &str = "{msg} {wide_bar} {bytes}/{total_bytes} {eta}";
const ENDLESS: &str = "{msg} {bytes}";

/// A bar. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Bar {
    bar: ProgressBar,
    clock: Arc<dyn Clock>,
    begun: Duration,
}

impl Bar {
    /// A bar of things that are counted.
    pub(crate) fn counted(world: &World, json: bool, what: &'static str) -> Self {
        Self::new(world, json, what, COUNTED)
    }

    /// A bar of bytes.
    pub(crate) fn of_bytes(world: &World, json: bool, what: &'static str) -> Self {
        Self::new(world, json, what, BYTES)
    }

    fn new(world: &World, json: bool, what: &'static str, template: &str) -> Self {
        let target = if io::stderr().is_terminal() && !json {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target).with_message(what);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let clock = world.system.clock.clone();
        let begun = clock.monotonic();
        Self { bar, clock, begun }
    }

    /// So much is done, of so much; 0 where that is not known.
    pub(crate) fn tell(&self, done: u64, of: u64) {
        if self.clock.monotonic().saturating_sub(self.begun) <= AT_ONCE {
            return;
        }
        if of == 0 {
            if let Ok(style) = ProgressStyle::with_template(ENDLESS) {
                self.bar.set_style(style);
            }
        } else {
            self.bar.set_length(of);
        }
        self.bar.set_position(done);
    }

    /// Nothing of it stays.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Cleared {
    fn drop(&mut self) {
        self.0.clear();
    }
}

/// Clears a bar, however the work ends.
pub(crate) struct Cleared(pub(crate) Bar);
