//! One agent turn in typed phases, with nothing held while a model or a tool is waited for.
//!
//! | phase | holds | what happens |
//! |---|---|---|
//! | Admit | nothing | the user's message is durable in the inbox |
//! | Claim | claim | this turn is the session's turn |
//! | Prepare | guard, short | recover, place messages, take the snapshot |
//! | Assemble | claim only | the engine chooses what the model is shown |
//! | Ask | claim only | the model streams; deltas go to the [watcher](Watch), never to the file |
//! | Record | guard, short | the reply is committed, its base checked |
//! | Act | guard for each outcome | tools run in tasks that can hold nothing |
//! | Settle | guard, short | answered messages are retired, figures kept |
//! | Maintain | claim only | the engine tidies up |
//! | Close | guard, short | the claim is given back; always runs |
//!
//! [`run_turn`] does them all. Whoever wants another order drives [`Turn`] by hand: each phase is a type, a step consumes
//! it, and a step that fails hands it back ([`Failed`]). What must not be done does not compile; `tests/law` proves it.
//!
//! **Limits.** The crate sees the seams of `latchwork-session` alone: storage, models, tools and engines are the caller's.
//! It asks one provider, once a round: no fail-over. A message that others place while a turn runs is answered by the next
//! turn; [`TurnReport::waiting`] says how many wait. Guards that an engine takes are not among the events.
//!
//! # One turn
//! ```no_run
//! use std::sync::Arc;
//!
//! use latchwork_lock::LockScope;
//! use latchwork_runner::{Runtime, TurnAsk, TurnEvent, UserMessage, What, run_turn};
//! use latchwork_session::{Key, SessionId};
//! use tokio_util::sync::CancellationToken;
//!
//! async fn ask(runtime: &Runtime, scope: &mut LockScope) -> Result<String, Box<dyn std::error::Error>> {
//!     let mut ask = TurnAsk::new(SessionId::new("s1")?, "some-model");
//!     ask.message = Some(UserMessage::text(Key::new("m1")?, "What is in this folder?", 0)?);
//!     let watch = |event: &TurnEvent| {
//!         if let What::Text { text } = &event.what {
//!             tracing::info!(%text, "the model speaks");
//!         }
//!     };
//!     let report = run_turn(runtime, scope, ask, Arc::new(watch), CancellationToken::new()).await?;
//!     Ok(report.text)
//! }
//! ```
//!
//! # What does not compile
//! A commit before the model was asked:
//! ```compile_fail,E0599
//! # use latchwork_runner::{Turn, phase::Assembled};
//! # use latchwork_lock::LockScope;
//! async fn too_early(turn: Turn<Assembled>, scope: &mut LockScope) {
//!     let _ = turn.record(scope).await;
//! }
//! ```
//! A commit made twice:
//! ```compile_fail,E0382
//! # use latchwork_runner::{Turn, phase::Answered};
//! # use latchwork_lock::LockScope;
//! async fn twice(turn: Turn<Answered>, scope: &mut LockScope) {
//!     let _ = turn.record(scope).await;
//!     let _ = turn.record(scope).await;
//! }
//! ```

mod ask;
mod drive;
mod entries;
mod error;
mod event;
mod guarded;
mod log;
mod options;
pub mod phase;
mod recover;
mod report;
mod runtime;
mod standing;
mod turn;

pub use ask::{OnClaimed, TurnAsk, UserMessage};
pub use drive::run_turn;
pub use error::{Failed, TurnError};
pub use event::{PlacedAs, ToolEnd, TurnEvent, TurnPhase, Unwatched, Watch, What};
pub use options::{BadOptions, Options};
pub use report::{GuardFigures, TurnEnd, TurnReport};
pub use runtime::Runtime;
pub use turn::Turn;
