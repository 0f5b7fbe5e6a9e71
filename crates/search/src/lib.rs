//! Search over the sessions of a folder: an index that can be deleted at any time, and hits that are read back from their transcripts.
//!
#![doc = include_str!("../README.md")]
//!
//! # Code map
//!
//! | file | idea |
//! |---|---|
//! | `search` | one search: bring the index up to date, ask it, read the answers back |
//! | `query` | what is typed, as an expression in which everything is quoted |
//! | `words` | a text as it is indexed: bounded, without data, cut where a script has no spaces |
//! | `told` | what of an entry is looked for; the only place that reads one |
//! | `folder` | the transcripts of a folder, and how their files look |
//! | `reading` | a transcript's outline, taken up where it was left, and its entries |
//! | `schema`, `sessions` | the tables, and every statement that writes |
//! | `database` | the file of the index, whatever stands there |
//! | `indexing` | the index brought up to the transcripts |
//! | `forgetting` | sessions taken out of an index for good |
//! | `finding` | what the index says of a query |
//! | `standing` | on which branch an entry is, and whether the model is shown it |
//! | `snippet` | the part of a text that answers |

mod database;
mod finding;
mod folder;
mod forgetting;
mod indexing;
mod query;
mod reading;
mod schema;
mod search;
mod sessions;
mod snippet;
mod standing;
mod told;
mod words;

pub use finding::RANKED_MAX;
pub use forgetting::{ForgetError, Forgotten, discard, forget};
pub use query::{Query, QueryError, QueryFault};
pub use search::{Found, Heads, Hit, Note, Progress, Search, SearchError, Wanted};
pub use snippet::{Snippet, SnippetPart};
pub use standing::{Context, Standing};
pub use told::Voice;

/// The version of the index: another version's is not used, so its file should have another name.
pub const VERSION: i64 = schema::VERSION;
/// How much of the text of one entry is indexed: so many bytes of its beginning, and so many of its end.
pub const TEXT_BYTES: (usize, usize) = (words::BEGIN_BYTES, words::END_BYTES);
