//! The lock protocol as models that are explored exhaustively (`docs/locks-checked.md`).
//!
//! | module | idea |
//! |---|---|
//! | `latch` | the latch of a session, step by step, beside foreign peers |
//! | `claims` | whose turn it is, as numbered files, under a guard |
//! | `join` | one lock held by several processes through one descriptor |
//! | `explore` | every state of a model, and the questions that are asked of all of them |
//!
//! Deliberately not here: the real code. What is here was read off `crates/filelock`, and is to be changed with it.

pub mod claims;
pub mod explore;
pub mod fair;
pub mod join;
pub mod latch;
pub mod polite;
