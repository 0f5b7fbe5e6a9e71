//! Prints the page of settings (`markdown`), their baseline (`baseline`) or their JSON schema (`schema`). `cargo xtask docs`
//! keeps the tracked files the same as what this prints.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use latchwork::reference;

fn main() -> Result<(), String> {
    match std::env::args().nth(1).as_deref() {
        Some("markdown") => print!("{}", reference::markdown()),
        Some("baseline") => println!("{:#}", reference::baseline()),
        Some("schema") => println!("{:#}", reference::schema()),
        _ => return Err("say what to print: markdown, baseline or schema".to_owned()),
    }
    Ok(())
}
