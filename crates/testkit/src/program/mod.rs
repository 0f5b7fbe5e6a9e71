//! Real processes: the binary, a private home to run it in, and a handle on it while it lives.
//!
//! Deliberately not here: what the program prints or means. A [`Finished`] is an exit and two texts.

mod binary;
mod captured;
mod finished;
mod home;
mod invocation;
mod live;

#[cfg(test)]
mod tests;

pub use binary::latchwork;
pub use finished::Finished;
pub use home::Home;
pub use invocation::Invocation;
pub use live::Live;
pub use rustix::process::Signal;
