//! Layered configuration in which every value knows where it came from.
//!
//! This crate knows no setting. A program brings a type of its own, and the layers as values; it gets the type back, with the
//! origin of every value, or everything that is wrong at once. Deliberately not here: opening files, reading the
//! environment, finding directories, rendering errors with colours.
//!
//! Invariants: the same layers always resolve to the same answer. Of two layers that set a key, the greater `Layer` wins.
//! No input panics. No text from a layer is repeated in a fault of ours, and nothing in one can steer a terminal.
//!
//! # Code map
//!
//! - `resolve`: `Layers` in, `Resolved` or `ConfigError` out. Start here. `before`: what is asked before serde reads.
//! - `resolved`: the settings, and every layer that spoke of each.
//! - `origin`: the order of the layers; where a value stands.
//! - `source`, `reading`, `toml_file`, `json5_file`, `yaml_file`: what comes in, as trees that remember lines.
//! - `merge`: the only room that knows figment.
//! - `fault`, `suggest`: what is wrong, and what may have been meant.
//! - `limit`: what a number may be.
//! - `key`: names of settings. `millis`, `bytes` (on `quantity`), `secret`: types for settings.
#![doc = include_str!("../README.md")]

mod before;
mod bytes;
mod fault;
mod json5_file;
mod key;
mod limit;
mod merge;
mod millis;
mod origin;
mod quantity;
mod reading;
mod resolve;
mod resolved;
mod secret;
mod source;
mod suggest;
mod toml_file;
mod yaml_file;

pub use bytes::Bytes;
pub use fault::{ConfigError, Fault, Warning};
pub use key::Key;
pub use limit::{Range, Unit};
pub use millis::Millis;
pub use origin::{Layer, Origin, Place};
pub use quantity::QuantityError;
pub use resolve::Layers;
pub use resolved::{Resolved, Saying};
pub use secret::{SecretError, SecretRef, SecretRefError, SecretSource, SecretValue};
pub use source::{Environment, Format, PeerKey, SourceFile};
pub use suggest::nearest;
