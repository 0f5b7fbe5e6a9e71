//! Prints what a session file is, as one JSON object: `cargo run --example inspect FILE...`

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::error::Error;

use latchwork_format::{Transcript, inspect};

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args_os().skip(1) {
        let transcript = Transcript::parse(&std::fs::read(&path)?);
        println!("{}", serde_json::to_string(&inspect(&transcript, None))?);
    }
    Ok(())
}
