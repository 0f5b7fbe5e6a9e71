//! How fast a session becomes a page: `cargo run --release -p latchwork-export --example speed [OUT.html]`.
//!
//! A session of 100 MB is made in memory (words, reasoning, calls with long outputs, escapes in all of them), outlined and
//! exported. Without a path the page goes nowhere, so that what is timed is the export and not a disk.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example prints, and times what it does"
)]

use std::io::{self, Write};
use std::time::Instant;

use latchwork_export::{Images, Lines, Options, Session, Which, html, markdown};
use latchwork_format::Outline;

const SIZE: usize = 100_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = session(SIZE);
    let options = Options {
        which: &Which::All,
        images: Images::Inline,
        ..Options::default()
    };
    let begun = Instant::now();
    let outline = Outline::parse(&file);
    let outlined = begun.elapsed();
    let mut to: Box<dyn Write> = match std::env::args_os().nth(1) {
        Some(path) => Box::new(io::BufWriter::new(std::fs::File::create(path)?)),
        None => Box::new(io::sink()),
    };
    let session = Session::of(&outline);
    let begun = Instant::now();
    let page = html(
        &session,
        &mut Lines::new(&file, &outline),
        &options,
        &mut to,
    )?;
    to.flush()?;
    let as_page = begun.elapsed();
    let begun = Instant::now();
    let text = markdown(
        &session,
        &mut Lines::new(&file, &outline),
        &options,
        &mut io::sink(),
    )?;
    let as_text = begun.elapsed();
    println!(
        "session   {:>11} bytes, {} entries",
        file.len(),
        outline.len()
    );
    println!("outline   {:>11.3} s", outlined.as_secs_f64());
    println!(
        "html      {:>11.3} s, {} bytes",
        as_page.as_secs_f64(),
        page.bytes
    );
    println!(
        "markdown  {:>11.3} s, {} bytes",
        as_text.as_secs_f64(),
        text.bytes
    );
    Ok(())
}

/// A session of at least so many bytes: turns of a question, a call and its output.
fn session(size: usize) -> Vec<u8> {
    let mut file = br#"{"type":"session","version":3,"id":"speed","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/x"}"#.to_vec();
    file.push(b'\n');
    let prose = "What stands here is *prose* with a <tag>, a \\\"quote\\\", a path C:\\\\x and \u{e9}\u{6587}.\\n".repeat(6);
    let output =
        "   12 |     let value = map.get(\\\"key\\\").filter(|v| v.len() < 9);\\n".repeat(24);
    let mut number = 0_usize;
    while file.len() < size {
        let id = format!("{number:08x}");
        let parent = number
            .checked_sub(1)
            .map_or("null".to_owned(), |n| format!("\"{n:08x}\""));
        let message = match number % 3 {
            0 => format!(r#"{{"role":"user","content":"{prose}"}}"#),
            1 => format!(
                r#"{{"role":"assistant","provider":"p","model":"m","stopReason":"toolUse","usage":{{"input":{number},"output":210,"cacheRead":1000,"cacheWrite":0,"totalTokens":1210,"cost":{{"total":0.0123}}}},"content":[{{"type":"thinking","thinking":"{prose}"}},{{"type":"text","text":"{prose}"}},{{"type":"toolCall","id":"call{number}","name":"bash","arguments":{{"command":"ls -la \"{number}\""}}}}]}}"#
            ),
            _ => format!(
                r#"{{"role":"toolResult","toolCallId":"call{}","toolName":"bash","isError":false,"content":[{{"type":"text","text":"{output}"}}]}}"#,
                number - 1
            ),
        };
        let line = format!(
            "{{\"type\":\"message\",\"id\":\"{id}\",\"parentId\":{parent},\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"message\":{message}}}\n"
        );
        file.extend_from_slice(line.as_bytes());
        number += 1;
    }
    file
}
