//! What projecting a branch costs beside serialising its messages: `projecting FILE`, 25 rounds each, the best counts.
//!
//! Measured are the steps from a branch to the wire, and the two things that they can be held against: writing the context
//! as JSON, and writing the same messages from parsed values.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "an example that measures"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use latchwork_format::request::{Target, project, wire};
use latchwork_format::{Transcript, context};

fn best<T>(mut work: impl FnMut() -> T) -> Duration {
    let rounds = (0..25).map(|_| {
        let begun = Instant::now();
        black_box(work());
        begun.elapsed()
    });
    rounds.min().unwrap()
}

fn main() {
    let path = std::env::args_os().nth(1).unwrap();
    let transcript = Transcript::parse(&std::fs::read(path).unwrap());
    let context = context(&transcript, None);
    let target = Target::new("anthropic", "claude", "anthropic-messages");
    let (conversation, report) = project(&context, &target);
    let values: Vec<serde_json::Value> = context
        .messages
        .iter()
        .map(|message| message.json().to_value())
        .collect();
    let written = serde_json::to_vec(&values).unwrap().len();
    println!(
        "{} entries, {} messages, {written} bytes, {} exchanges, {} changes",
        transcript.entry_count(),
        context.messages.len(),
        conversation.exchanges.len(),
        report.adjustments.len()
    );
    let table: [(&str, Duration); 9] = [
        (
            "write the messages (values)",
            best(|| serde_json::to_vec(&values).unwrap()),
        ),
        (
            "write the context",
            best(|| serde_json::to_vec(&context).unwrap()),
        ),
        (
            "build the context",
            best(|| latchwork_format::context(&transcript, None)),
        ),
        ("project", best(|| project(&context, &target))),
        ("digest the prefix", best(|| conversation.prefix())),
        (
            "render chat",
            best(|| wire::chat::render(&conversation, &target)),
        ),
        (
            "render responses",
            best(|| wire::responses::render(&conversation, &target)),
        ),
        (
            "render anthropic",
            best(|| wire::anthropic::render(&conversation, &target)),
        ),
        (
            "render gemini",
            best(|| wire::gemini::render(&conversation, &target)),
        ),
    ];
    let unit = table[0].1;
    for (what, took) in table {
        let times = took.as_secs_f64() / unit.as_secs_f64();
        println!(
            "{what:30} {:8.2} ms  {times:5.2}",
            took.as_secs_f64() * 1000.0
        );
    }
}
