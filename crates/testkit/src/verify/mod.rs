//! An independent reading of a transcript: what must hold of the file whatever wrote it.
//!
//! It shares no code with the product and knows no types: a line is a `serde_json::Value`. What it checks is in
//! [`Report::problems`] (the structure) and in [`Report::unpaired`] (tool calls and results on the active path); the active
//! path is pi's, from the last line to the root. Deliberately not here: what a context contains; the peers compute that.

mod pairing;
mod report;
mod structure;

#[cfg(test)]
mod tests;

pub use report::Report;
