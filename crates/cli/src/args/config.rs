//! What may be typed after `config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `config`.
#[derive(Debug, Args)]
pub(crate) struct Config {
    /// What to do with them.
    #[command(subcommand)]
    pub(crate) what: ConfigWhat,
}

/// The commands of `config`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigWhat {
    /// Every setting with the value that holds now.
    Show {
        /// And where it comes from: file and line, variable, flag.
        #[arg(long)]
        origins: bool,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// One setting: its value, where that comes from, what it shadows, what the setting may be and does.
    Explain {
        /// Its name, such as store.locks.max_hold_ms.
        key: String,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Whether the settings can be used; everything that is wrong is told at once.
    Check {
        /// This file alone, as if it were your own.
        file: Option<PathBuf>,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// The JSON schema of a settings file, for editors.
    Schema {
        /// A failure as JSON, too; the schema always is.
        #[arg(long)]
        json: bool,
    },
    /// Set a setting in your own file. Comments and order stay, and the file is replaced as a whole.
    Set {
        /// Its name.
        key: String,
        /// Its value; the items of a list are separated by commas.
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// One JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Where settings files are looked for, and which are there.
    Path {
        /// One JSON object a file.
        #[arg(long)]
        json: bool,
    },
}
