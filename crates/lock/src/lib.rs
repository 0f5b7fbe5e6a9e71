//! What a task may hold, as a value.
//!
//! An agent's turn alternates between moments in which it changes a transcript and long waits for a
//! model, a tool or a person. Holding a write lock across such a wait is the oldest mistake of the
//! field, and nothing but review kept it out. Here the compiler keeps it out:
//!
//! - a task owns one [`LockScope`];
//! - a [`PhaseGuard`] (the right to write one session, for one phase) borrows the scope mutably;
//! - so does [`Unlocked`], the proof that nothing is held, which every wait for a model or a tool
//!   demands and which its future and its stream keep.
//!
//! The two can therefore never live at the same time, and two guards cannot either.
//!
//! **Limitations.** The law covers calls that go through traits which ask for the proof. Sleeping
//! under a guard, opening a second scope in one task and [`std::mem::forget`] are beyond types: the
//! first two are banned by lint in this workspace (`clippy.toml`), a re-acquire in one task is the
//! error [`QueueError::SelfDeadlock`], and [`LockScope::unlocked`] asserts that no guard was
//! forgotten.
//!
//! This crate knows no files, no sessions and no database: a backend implements [`Held`] and
//! [`ClaimHeld`] and hands out guards and claims.
//!
//! # The right way
//! ```
//! use latchwork_lock::{Held, LockScope, Phase, PhaseGuard, ReleaseError, Unlocked};
//!
//! // A backend in three lines: it holds nothing but a name.
//! struct Paper(String);
//! #[async_trait::async_trait]
//! impl Held for Paper {
//!     fn session(&self) -> &str { &self.0 }
//!     fn revoke(&mut self, _why: &str) {}
//!     async fn release(self: Box<Self>) -> Result<(), ReleaseError> { Ok(()) }
//! }
//!
//! async fn ask_a_model(_nothing_is_held: Unlocked<'_>) -> &'static str { "hello" }
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let mut scope = LockScope::open();
//! {
//!     let guard = PhaseGuard::grant(&mut scope, None, Phase::PREPARE, Box::new(Paper("s1".into())));
//!     assert_eq!(guard.session(), "s1");
//!     guard.release().await.unwrap();
//! }
//! assert_eq!(ask_a_model(scope.unlocked()).await, "hello");
//! # });
//! ```
//!
//! # What does not compile
//! A guard across a wait for a model:
//! ```compile_fail,E0499
//! # use latchwork_lock::*;
//! # async fn ask(_: Unlocked<'_>) {}
//! async fn turn(scope: &mut LockScope, held: Box<dyn Held>) {
//!     let guard = PhaseGuard::grant(scope, None, Phase::RECORD, held);
//!     ask(scope.unlocked()).await;
//!     drop(guard);
//! }
//! ```
//! The proof, kept while a guard is taken:
//! ```compile_fail,E0499
//! # use latchwork_lock::*;
//! # async fn ask(_: Unlocked<'_>) {}
//! async fn turn(scope: &mut LockScope, held: Box<dyn Held>) {
//!     let proof = scope.unlocked();
//!     let guard = PhaseGuard::grant(scope, None, Phase::RECORD, held);
//!     ask(proof).await;
//!     drop(guard);
//! }
//! ```
//! A proof made by hand:
//! ```compile_fail,E0423
//! # use latchwork_lock::*;
//! let proof = Unlocked(std::marker::PhantomData);
//! ```

mod asker;
mod claim;
mod errand;
mod guard;
mod holder;
mod queue;
mod scope;
mod sync;
mod wait;

pub use asker::{Asker, Wish};
pub use claim::{ClaimHeld, ClaimLost, Fence, TurnClaim};
pub use errand::{Errand, ErrandError, Errands};
pub use guard::{Held, PhaseGuard, ReleaseError};
pub use holder::Holder;
pub use queue::{FairQueue, QueueError, Ticket};
pub use scope::{LockScope, Unlocked};
pub use wait::{Phase, Wait};
