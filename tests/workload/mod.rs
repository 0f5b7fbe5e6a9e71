//! A writer of a transcript for the crash campaigns: seeded moves through the real store, and a story of each call and
//! acknowledgement.
//!
//! It is used by a process of its own (`transcript-worker`), which is killed, and in memory, where the power is cut. What it
//! says is read by `latchwork_testkit::history`. Deliberately absent: any judgement, and any recovery but what every writer does.
//!
//! | file | idea |
//! |---|---|
//! | `writer` | one writer and its moves |
//! | `moves` | what it can be told to do, by name |
//! | `turn` | the moves of a turn: accept, place, answer, retire |
//! | `anew` | the moves that write anew what is there: rewrite, mend, repair |
//! | `words` | the bodies of entries, each with a nonce |
//! | `story` | where the story goes |
//! | `fate` | a writer that dies in its own write |
//! | `mutant` | ways to be wrong, for the controls |
//! | `numbers` | the seeded choices |

mod anew;
mod fate;
mod moves;
mod mutant;
mod numbers;
mod story;
mod turn;
mod words;
mod writer;

pub use fate::Fate;
pub use moves::Move;
pub use mutant::Mutant;
pub use numbers::{Numbers, SeededEntropy};
pub use story::{FileStory, Listener};
pub use writer::{Mood, Writer};
