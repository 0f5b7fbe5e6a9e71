//! Model providers: OpenAI-compatible Chat Completions over HTTP, and replay of a recorded session.
//!
#![doc = include_str!("../README.md")]
//!
//! # Code map
//!
//! | file | idea |
//! |---|---|
//! | `models` | from a name to a provider |
//! | `model_ref` | how a model is written |
//! | `openai` | Chat Completions over HTTP, in seven rooms |
//! | `replay` | a recorded session answers |
//! | `sse` | server-sent events, from bytes |
//! | `ids` | ids of calls that no other call has |
//! | `secret` | a value that must not be shown |

mod ids;
mod model_ref;
mod models;
mod openai;
mod replay;
mod secret;
mod sse;

pub use model_ref::{BadModelRef, ModelRef};
pub use models::{Models, ModelsError, ModelsOptions, Opened};
pub use openai::{
    BadOption, OPENAI_BASE_URL, OPENAI_COMPLETIONS, OpenAi, OpenAiError, OpenAiOptions,
    TokenLimitField,
};
pub use replay::{BadPace, ORIGINAL_CAP, Pace, REPLAY, Replay, ReplayError};
pub use secret::Secret;
