//! Exports a session: [`markdown`] for people and other programs, [`html`] as one page that can be walked and searched.
//!
#![doc = include_str!("../README.md")]
//!
//! # Code map
//!
//! | file | idea |
//! |---|---|
//! | `options` | what of a session is exported; what takes secrets out |
//! | `source` | where entries come from, and what can go wrong |
//! | `chosen` | which entries, and what each hangs below |
//! | `told` | one entry, less what is left out: the only place that reads one |
//! | `markdown` | as Markdown that holds no active HTML |
//! | `html` | as one page; its script and style stand in `page` |

mod chosen;
mod html;
mod markdown;
mod options;
mod source;
mod told;

use latchwork_format::Outline;

use chosen::Names;

pub use html::html;
pub use markdown::markdown;
pub use options::{Images, Options, Redact, Which};
pub use source::{ExportError, Exported, Lines, Session, Source};

impl<'a> Session<'a> {
    /// The session with its head where pi has it: at the last entry of the file.
    #[must_use]
    pub fn of(outline: &'a Outline) -> Self {
        Session {
            outline,
            head: outline.leaf(),
        }
    }
}

/// What the export is called: as it was asked for, else the session's name, else its id.
fn title(session: &Session<'_>, names: &Names, options: &Options<'_>) -> String {
    let id = || {
        session
            .outline
            .header()
            .map(|header| format!("Session {}", header.id))
    };
    let own = options.title.map(str::to_owned);
    let title = own
        .or_else(|| names.session.clone())
        .or_else(id)
        .unwrap_or_else(|| "A session without a header".to_owned());
    options.clean(title.into()).into_owned()
}

/// What was left out on purpose, in words; empty where nothing was.
fn without(options: &Options<'_>) -> String {
    let left_out = [
        (!options.thinking, "the model's reasoning"),
        (!options.tools, "what tools were called with and answered"),
        (options.images == Images::Named, "images (they are named)"),
    ];
    let words = left_out.into_iter().filter(|(out, _)| *out);
    words.map(|(_, what)| what).collect::<Vec<_>>().join(", ")
}
