//! `read`, `ls` and a sandboxed `bash` for a turn; what a path or a command may reach is decided here.
//!
#![doc = include_str!("../README.md")]
//!
//! # Code map
//!
//! | file | idea |
//! |---|---|
//! | `options`, `environment`, `error` | what may be set, what commands see of the environment, why there is no toolbox |
//! | `toolbox` | the host: finds the tool, puts the limits of time and of patience around it |
//! | `tool`, `arguments` | what a model is told of each tool, and what it may answer |
//! | `outcome`, `clean` | outcomes in words; bytes made into text that is never longer |
//! | `beneath`, `walk`, `refusal` | a path opened without leaving the directory: by the kernel, or step by step |
//! | `files/` | `read` and `ls` |
//! | `bash/` | a command from start to outcome: its group, its keeper, its output |
//! | `sandbox/` | what the system offers to confine a command, and how it is used |
//!
//! **Invariants:** a path that a model names is opened in `beneath` and nowhere else. A command is started in `bash/keeper`
//! and nowhere else. Deliberately absent: tools that write files, and recording an outcome, which the turn does.

#[cfg(not(unix))]
compile_error!("latchwork-tools is for Unix: it needs process groups and directory descriptors");

mod arguments;
mod bash;
mod beneath;
mod clean;
mod environment;
mod error;
mod files;
mod options;
mod outcome;
mod refusal;
mod sandbox;
mod tool;
mod toolbox;
mod walk;

pub use environment::allowed_environment;
pub use error::ToolboxError;
pub use options::{BashOptions, Options, SandboxKind, SandboxPolicy};
pub use toolbox::Toolbox;
