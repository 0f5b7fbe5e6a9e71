//! `latchwork append`: JSON lines in, receipts out, each once it is durable.

use std::io::BufRead as _;

use latchwork::Latchwork;
use latchwork::lock::LockScope;
use serde_json::json;
use tokio::sync::mpsc;

use crate::args::Append;
use crate::exit::Exit;
use crate::failure::{Failure, in_one_line};
use crate::output::{Errors, Output};
use crate::world::World;

/// The longest line that is taken, in bytes.
const LINE_BYTES_MAX: usize = 64 << 20;

/// Runs the command.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(crate) async fn run(
    typed: &Append,
    latchwork: &Latchwork,
    world: &World,
    errors: Errors,
) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let mut appender = session.appender(world.cwd.display().to_string());
    let mut output = Output::standard();
    let mut scope = LockScope::open();
    let (mut lines, mut number, mut bad) = (lines(), 0_u64, 0_u64);
    while let Some(line) = lines.recv().await {
        let line =
            line.map_err(|error| Failure::new("standard input cannot be read").because(&error))?;
        number += 1;
        if line.trim().is_empty() {
            continue;
        }
        match appender.append(&mut scope, &line).await {
            Ok(receipt) => output.json(&receipt)?,
            Err(error) => {
                bad += 1;
                output.json(&json!({ "line": number, "error": in_one_line(&error) }))?;
            }
        }
    }
    output.finish()?;
    if bad > 0 {
        errors.block(format!(
            "error: {bad} of {number} lines were not appended; the receipts say which and why"
        ));
        return Ok(Exit::Failure);
    }
    Ok(Exit::Ok)
}

/// Standard input, line by line, read on a thread of its own: whoever writes may be slow.
fn lines() -> mpsc::Receiver<std::io::Result<String>> {
    let (to, from) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        loop {
            let mut bytes = Vec::new();
            let line = match input.read_until(b'\n', &mut bytes) {
                Ok(0) => break,
                Ok(read) if read > LINE_BYTES_MAX => Ok("a line of more than 64 MiB".to_owned()),
                Ok(_) => Ok(
                    String::from_utf8_lossy(bytes.strip_suffix(b"\n").unwrap_or(&bytes))
                        .into_owned(),
                ),
                Err(error) => Err(error),
            };
            let failed = line.is_err();
            if to.blocking_send(line).is_err() || failed {
                break;
            }
        }
    });
    from
}
