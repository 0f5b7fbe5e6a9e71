//! Prints how fast each way of reading is, on a session file or on one of 100,000 entries made here:
//! `cargo run --release -p latchwork-format --example speed [FILE]`
//!
//! Times are of one process on a file in memory, each the best of five; to be compared with each other only.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::convert::Infallible;
use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use latchwork_format::backwards::{FromEnd, Reach, read};
use latchwork_format::{Limits, Outline, Transcript, context, scan};

fn main() -> Result<(), Box<dyn Error>> {
    let file = match std::env::args_os().nth(1) {
        Some(path) => std::fs::read(path)?,
        None => made(100_000).into_bytes(),
    };
    println!("{} bytes", file.len());
    let lines = || newlines(&file);
    report("newlines only", file.len(), lines);
    report("scan", file.len(), || {
        let mut entries = 0;
        scan(&file, |_| entries += 1);
        entries
    });
    report("outline", file.len(), || Outline::parse(&file).len());
    report("transcript", file.len(), || {
        Transcript::parse(&file).entry_count()
    });
    report("transcript and context", file.len(), || {
        context(&Transcript::parse(&file), None).messages.len()
    });
    for reach in [Reach::Context, Reach::Shown, Reach::Last(50)] {
        report(&format!("backwards, {reach:?}"), file.len(), || {
            from_end(&file, reach)
        });
    }
    Ok(())
}

fn newlines(file: &[u8]) -> usize {
    file.split(|&byte| byte == b'\n').count()
}

/// How many messages there are, or entries.
fn from_end(file: &[u8], reach: Reach) -> usize {
    let read_at = |offset: u64, out: &mut [u8]| {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if let Some(bytes) = file.get(start..start.saturating_add(out.len())) {
            out.copy_from_slice(bytes);
        }
        Ok::<(), Infallible>(())
    };
    match read(file.len() as u64, None, reach, Limits::default(), read_at) {
        Ok(FromEnd::Found(found)) if reach == Reach::Context => found.context().messages.len(),
        Ok(FromEnd::Found(found)) => found.part.len(),
        _ => 0,
    }
}

fn report(what: &str, bytes: usize, mut run: impl FnMut() -> usize) {
    let (mut best, mut busy, mut count) = (f64::INFINITY, f64::INFINITY, 0);
    for _ in 0..5 {
        let (start, before) = (Instant::now(), on_processor());
        count = black_box(run());
        best = best.min(start.elapsed().as_secs_f64());
        busy = busy.min(on_processor() - before);
    }
    let speed = |seconds: f64| bytes as f64 / seconds / 1e6;
    println!(
        "{what:<24} {:>10.3} ms {:>8.0} MB/s   on the processor {:>10.3} ms {:>8.0} MB/s   {count}",
        best * 1e3,
        speed(best),
        busy * 1e3,
        speed(busy)
    );
}

/// How many seconds this thread has run, where the system says so: on a busy machine only this tells anything. Counted
/// when the thread is switched or the clock ticks, so nothing shorter than some milliseconds is seen.
fn on_processor() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos: Option<f64> = text
        .split_whitespace()
        .next()
        .and_then(|nanos| nanos.parse().ok());
    nanos.unwrap_or(f64::NAN) / 1e9
}

/// A session of about 1 KiB for each entry, of pi's form, compacted every 400 entries.
fn made(entries: usize) -> String {
    let mut file = String::from(
        "{\"type\":\"session\",\"version\":3,\"id\":\"s\",\"timestamp\":\"T\",\"cwd\":\"/\"}\n",
    );
    let prose =
        "She said \\\"read the file\\\" and then:\\n\\tlet x = y[0]; // \u{6587}\u{4ef6}\\n"
            .repeat(6);
    for number in 0..entries {
        let parent = number
            .checked_sub(1)
            .map_or("null".to_owned(), |parent| format!("\"{parent:08x}\""));
        let frame = format!(
            "\"id\":\"{number:08x}\",\"parentId\":{parent},\"timestamp\":\"2026-01-01T00:00:00.000Z\""
        );
        let usage = "\"usage\":{\"input\":150,\"output\":405,\"cacheRead\":558,\"cacheWrite\":366,\"totalTokens\":8651,\"cost\":{\"input\":0.001,\"output\":0.002,\"cacheRead\":0,\"cacheWrite\":0,\"total\":0.003}}";
        let kept = number.saturating_sub(20);
        let _ = match number % 400 {
            1 => writeln!(
                file,
                "{{\"type\":\"thinking_level_change\",{frame},\"thinkingLevel\":\"high\"}}"
            ),
            399 => writeln!(
                file,
                "{{\"type\":\"compaction\",{frame},\"summary\":\"{prose}\",\"firstKeptEntryId\":\"{kept:08x}\",\"tokensBefore\":100000}}"
            ),
            step if step % 2 == 0 => writeln!(
                file,
                "{{\"type\":\"message\",{frame},\"message\":{{\"role\":\"toolResult\",\"toolCallId\":\"c{number}\",\"toolName\":\"bash\",\"content\":[{{\"type\":\"text\",\"text\":\"{prose}{prose}\"}}],\"isError\":false,\"timestamp\":1767600110177}}}}"
            ),
            _ => writeln!(
                file,
                "{{\"type\":\"message\",{frame},\"message\":{{\"role\":\"assistant\",\"content\":[{{\"type\":\"thinking\",\"thinking\":\"{prose}\"}},{{\"type\":\"toolCall\",\"id\":\"c{number}\",\"name\":\"bash\",\"arguments\":{{\"command\":\"ls -la\"}}}}],\"api\":\"a\",\"provider\":\"p\",\"model\":\"m\",{usage},\"stopReason\":\"toolUse\",\"timestamp\":1767600111801}}}}"
            ),
        };
    }
    file
}
