//! The invariants of a transcript, judged from its raw bytes and from what its writers were told: I-T1 to I-T10.
//!
//! A campaign lets writers work, tells their story in events ([`Story`]), makes something go wrong, and hands over what is
//! there now ([`Image`]). A [`Case`] says every invariant that is broken, by its name. It shares no code with the product: a
//! line is bytes and a `serde_json::Value`.
//!
//! | | held against |
//! |---|---|
//! | I-T1 | what was acknowledged, for the level that the fault covers: there, whole; an accepted message is in the inbox |
//! | I-T2 | each entry is in a call, byte for byte; or was planted, or is a peer's, or is one of our own kinds without words |
//! | I-T3 | each id once; each entry of a call once, a keyed one once for each number of its placement, and once more for each rewrite |
//! | I-T4 | what began after the end of another call stands behind it |
//! | I-T5 | a header first; whole lines that read; what does not read was planted or is reported; settled: no torn tail |
//! | I-T6 | a parent is null or an earlier entry; behind what was durable when the power went it may have been in a line that is lost |
//! | I-T7 | what was there before is there now, in its place, byte for byte, unless it was copied and blanked; peers' lines too; after a repair, in an original that is kept |
//! | I-T8 | what a reader saw is a prefix of what is there |
//! | I-T9 | quarantine and kept bytes make the original; of an old version, the whole original is kept |
//! | I-T10 | what was refused is not there; of a call that was cut off a beginning stands, or nothing |
//!
//! **Limits.** The story is believed. An entry is known by the `nonce` in its body, so a writer gives each a nonce of its own.

mod case;
mod entries;
mod image;
mod kept;
mod story;

#[cfg(test)]
mod tests;

pub use case::{Case, Survives, Told};
pub use image::Image;
pub use story::Story;
