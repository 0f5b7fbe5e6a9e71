//! Everything that can be set, as one value composed of each part's own options.
//!
//! A secret never stands in it: a key is a reference (`env:NAME`, `file:PATH`, `cmd:COMMAND`) and is fetched when a model
//! is asked. Deliberately absent: where values come from ([`Sources`]), and defaults of a part, which stand beside its code.
//!
//! | file | idea |
//! |---|---|
//! | `edit` | one setting changed in the text of a file |
//! | `endpoint` | how one model provider is reached |
//! | `misnamed` | names in values that name nothing |
//! | `names`, `table` | every setting by name, its variable, what it may be, and what it does |
//! | `odds` | values that do not go together |
//! | `openclaw` | the variables and the file of OpenClaw that are obeyed here too |
//! | `reference` | the settings as a page, a schema and a baseline |
//! | `shown` | a value without what may be a secret in it |
//! | `sources` | files, environment and flags become settings |

mod edit;
mod endpoint;
mod misnamed;
mod names;
mod odds;
mod openclaw;
pub mod reference;
mod shown;
mod sources;
mod table;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use edit::{EditError, edited};
pub use endpoint::Endpoint;
pub use misnamed::misnamed_model;
pub use names::{Effect, Kind, Name, meant_by, name_of, names};
pub use shown::shown;
pub use sources::{Flag, Sources};

/// The name of the provider that needs no settings of its own: OpenAI, or whatever `OPENAI_BASE_URL` says.
pub const OPENAI: &str = "openai";

/// What a session is called when nobody calls it anything.
pub const MAIN_SESSION: &str = "main";

/// The system prompt when none is set.
pub const SYSTEM_PROMPT: &str = "You are a careful assistant in a terminal. Answer briefly and plainly. Where a tool can \
tell you what you do not know, use it before you answer; say so when you are not sure.";

/// All settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The folder that sessions lie under; `None` when the environment names no home.
    pub home: Option<PathBuf>,
    /// The OpenClaw home whose settings file is read too; `None`: the one that [`home`](Self::home) lies in, if it does.
    pub openclaw_home: Option<PathBuf>,
    /// The session of a `run` that names none.
    pub session: String,
    /// The model that answers: `PROVIDER/MODEL` or `replay:FILE`.
    pub model: Option<String>,
    /// What the model is told before the conversation.
    pub system_prompt: String,
    /// What the program logs on standard error, in the words of `tracing` (`debug`, `latchwork=trace`).
    pub log: Option<String>,
    /// Where a command that lasts shows its figures to Prometheus.
    pub metrics_address: Option<SocketAddr>,
    /// How model providers are reached, by name.
    pub models: BTreeMap<String, Endpoint>,
    /// The built-in tools.
    pub tools: latchwork_tools::Options,
    /// How transcripts are kept, and locked.
    pub store: latchwork_transcript::Options,
    /// How a turn is run.
    pub turn: latchwork_runner::Options,
    /// How the context is chosen.
    pub context: latchwork_context::Options,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            home: None,
            openclaw_home: None,
            session: MAIN_SESSION.to_owned(),
            model: None,
            system_prompt: SYSTEM_PROMPT.to_owned(),
            log: None,
            metrics_address: None,
            models: BTreeMap::from([(OPENAI.to_owned(), Endpoint::default())]),
            tools: latchwork_tools::Options::default(),
            store: latchwork_transcript::Options::default(),
            turn: latchwork_runner::Options {
                // A person who asks for a turn that is taken gets a choice, and gets it at once.
                claim_wait_ms: 0,
                ..latchwork_runner::Options::default()
            },
            context: latchwork_context::Options::default(),
        }
    }
}
