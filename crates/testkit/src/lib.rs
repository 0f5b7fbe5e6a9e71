//! Development only: what the whole-program tests need to drive real processes, real HTTP and real peers.
//!
//! | module | what it is for |
//! |---|---|
//! | [`program`] | build the `latchwork` binary once, run it in a private home, talk to it while it lives |
//! | [`steps`] | hold another process at a named step, and let it go: interleavings are forced, never hoped for |
//! | [`endpoint`] | a scripted model endpoint (Chat Completions over HTTP on loopback) that records what it was asked |
//! | [`peers`] | the real pi and OpenClaw from npm, pinned and cached, as live processes that obey a test |
//! | [`history`] | the invariants I-T1 to I-T10, judged from raw bytes and from what writers were told |
//! | [`validate`] | whether OpenAI (Chat, Responses), Anthropic and Gemini would take a request, by their published rules |
//! | [`verify`] | an independent reading of a transcript: plain JSON, none of the product's code |
//!
//! ```
//! use latchwork_testkit::verify::Report;
//!
//! let transcript = concat!(
//!     r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/"}"#, "\n",
//!     r#"{"type":"message","id":"a","parentId":null,"message":{"role":"user","content":"hello"}}"#, "\n",
//! );
//! let report = Report::of(transcript.as_bytes());
//! report.assert_sound();
//! assert_eq!(report.count_user_text("hello"), 1);
//! assert_eq!(report.active_path(), ["a"]);
//! ```
//!
//! **Limits.** It panics: a helper that cannot do its part fails the test that asked, with everything it knows. It shares no
//! code with the product, so that a mistake there is not repeated here; it is never a dependency of a published crate.
//! Nothing here measures time: every wait has one generous deadline ([`deadline::GENEROUS`]), and reaching it is a failure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "for tests only: a helper that fails must fail the test, with its reason"
)]

pub mod deadline;
pub mod endpoint;
mod environment;
pub mod history;
pub mod peers;
pub mod program;
pub mod steps;
pub mod validate;
pub mod verify;
mod workspace;
