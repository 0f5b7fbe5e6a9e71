//! `latchwork append`: JSON lines in, receipts out, each once it is durable.

use std::io::{self, BufRead, Read as _};

use latchwork::format::EntryId;
use latchwork::lock::LockScope;
use latchwork::seams::Level;
use latchwork::{AppendHow, Latchwork, OnConflict};
use serde_json::json;
use tokio::sync::mpsc;

use crate::args::{Append, Conflict, Durability};
use crate::exit::Exit;
use crate::failure::{Failure, in_one_line};
use crate::output::Output;
use crate::world::World;

/// The longest line that is taken, in bytes.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// Runs the command.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(crate) async fn run(
    typed: &Append,
    latchwork: &Latchwork,
    world: &World,
) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let mut appender = session.appender_as(world.cwd.display().to_string(), how(typed));
    let mut output = Output::standard();
    let mut scope = LockScope::open();
    let (mut lines, mut number, mut bad) = (lines(), 0_u64, 0_u64);
    while let Some(line) = lines.recv().await {
        number += 1;
        let refused = match line {
            Line::Text(line) if line.trim().is_empty() => continue,
            Line::Text(line) => match appender.append(&mut scope, &line).await {
                Ok(receipt) => {
                    output.json(&receipt)?;
                    continue;
                }
                Err(error) => in_one_line(&error),
            },
            Line::Unfit(why) => why.to_owned(),
            Line::Lost(error) => {
                return Err(Failure::new("standard input cannot be read").because(&error));
            }
        };
        bad += 1;
        output.json(&json!({ "line": number, "error": refused }))?;
    }
    output.finish()?;
    if bad > 0 {
        return Err(Failure::new(format!(
            "{bad} of {number} lines were not appended; the receipts say which and why"
        )));
    }
    Ok(Exit::Ok)
}

fn how(typed: &Append) -> AppendHow {
    let mut how = AppendHow::default();
    how.base = typed.base.as_deref().map(EntryId::new);
    how.level = match typed.durability {
        Durability::Process => Level::Buffered,
        Durability::Os | Durability::Device => Level::Synced,
    };
    how.on_conflict = match typed.on_conflict {
        Conflict::Rebase => OnConflict::Rebase,
        Conflict::Branch => OnConflict::Branch,
        Conflict::Fail => OnConflict::Fail,
    };
    how
}

/// One line of standard input.
enum Line {
    Text(String),
    /// Not one that can be taken.
    Unfit(&'static str),
    /// There is no reading on.
    Lost(io::Error),
}

/// Standard input, line by line, read on a thread of its own: whoever writes may be slow.
fn lines() -> mpsc::Receiver<Line> {
    let (to, from) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Some(line) = next(&mut input) {
            let lost = matches!(line, Line::Lost(_));
            if to.blocking_send(line).is_err() || lost {
                break;
            }
        }
    });
    from
}

/// The next line; `None` at the end.
fn next(input: &mut impl BufRead) -> Option<Line> {
    let mut bytes = Vec::new();
    match input
        .by_ref()
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', &mut bytes)
    {
        Ok(0) => return None,
        Ok(_) => {}
        Err(error) => return Some(Line::Lost(error)),
    }
    if bytes.len() as u64 == LINE_BYTES_MAX && !bytes.ends_with(b"\n") {
        return Some(match skip_line(input) {
            Ok(()) => {
                Line::Unfit("it has more than 64 MiB; keep large material in files and name them")
            }
            Err(error) => Line::Lost(error),
        });
    }
    let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    Some(match std::str::from_utf8(text) {
        Ok(text) => Line::Text(text.to_owned()),
        Err(_) => Line::Unfit("it is not UTF-8"),
    })
}

/// Reads past the end of the line without keeping it.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (taken, over) = match end {
            Some(end) => (end + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(taken);
        if over {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, next, skip_line};

    #[test]
    fn a_line_that_is_no_text_is_named_and_the_next_one_is_read() {
        let mut input = &b"{}\n\xff\nlast"[..];
        assert!(matches!(next(&mut input), Some(Line::Text(line)) if line == "{}"));
        assert!(matches!(next(&mut input), Some(Line::Unfit(why)) if why.contains("UTF-8")));
        assert!(matches!(next(&mut input), Some(Line::Text(line)) if line == "last"));
        assert!(next(&mut input).is_none());
    }

    #[test]
    fn the_rest_of_a_line_is_skipped_and_no_more() {
        let mut input = &b"rest of it\nnext\n"[..];
        skip_line(&mut input).unwrap();
        assert!(matches!(next(&mut input), Some(Line::Text(line)) if line == "next"));
        skip_line(&mut input).unwrap();
    }
}
