//! `latchwork blobs`: large pieces of messages moved out of line and back, and collected.

use latchwork::lock::LockScope;
use latchwork::{BlobsFailed, BlobsMoved, Collected, Counted, Latchwork, Session};
use serde_json::{Value, json};

use crate::args::{BlobsGc, BlobsWhat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::signals::Interrupts;

/// Runs the command.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(crate) async fn run(what: &BlobsWhat, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let interrupts = Interrupts::listen()?;
    let mut scope = LockScope::open();
    let mut output = Output::standard();
    let work = async {
        match what {
            BlobsWhat::Out(typed) => {
                let session = latchwork.session(&typed.session)?;
                let over = typed.over.get();
                let done = session.blobs_out(&mut scope, over, typed.dry_run).await;
                let done = done.map_err(failure)?;
                told(&mut output, &session, &done, typed.dry_run, typed.json)
            }
            BlobsWhat::In(typed) => {
                let session = latchwork.session(&typed.session)?;
                let done = session.blobs_in(&mut scope, typed.dry_run).await;
                let done = done.map_err(failure)?;
                told(&mut output, &session, &done, typed.dry_run, typed.json)
            }
            BlobsWhat::Gc(typed) => {
                let house = latchwork.house()?;
                let floor = i64::try_from(typed.floor.0.as_millis()).unwrap_or(i64::MAX);
                let done = house.collect_blobs(floor, typed.dry_run).await?;
                collected(&mut output, &done, typed)
            }
        }
    };
    tokio::select! {
        done = work => done?,
        () = interrupts.token.cancelled() => return Ok(interrupts.exit().unwrap_or(Exit::Failure)),
    }
    output.finish()?;
    Ok(Exit::Ok)
}

fn told(
    output: &mut Output,
    session: &Session,
    done: &BlobsMoved,
    dry_run: bool,
    json: bool,
) -> Result<(), Failure> {
    if json {
        return output.json(&json!({
            "session": session.id(),
            "dryRun": dry_run,
            "entries": done.entries,
            "pieces": done.pieces,
            "bytes": done.bytes,
            "lost": done.lost,
            "storedBytesDelta": done.stored_bytes_delta,
        }));
    }
    let would = if dry_run { "would be " } else { "" };
    output.line(match done.pieces {
        0 => "nothing to move".to_owned(),
        pieces => format!(
            "{} {would}moved, {} bytes, in {} (blobs: {})",
            counted(pieces, "piece", "pieces"),
            done.bytes,
            counted(done.entries, "message", "messages"),
            session.blobs().folder().display()
        ),
    });
    if done.lost > 0 {
        output.line(format!(
            "{} cannot be had and stay as they are",
            counted(done.lost, "blob", "blobs")
        ));
    }
    Ok(())
}

fn collected(output: &mut Output, done: &Collected, typed: &BlobsGc) -> Result<(), Failure> {
    if typed.json {
        return output.json(&json!({
            "dryRun": typed.dry_run,
            "busy": done.busy,
            "all": as_json(done.all),
            "referenced": as_json(done.referenced),
            "young": as_json(done.young),
            "gone": as_json(done.gone),
        }));
    }
    if done.busy {
        output.line("somebody is adding blobs: nothing was removed; say it again later");
        return Ok(());
    }
    let would = if typed.dry_run { "would be " } else { "" };
    output.line(format!(
        "{} {would}removed, {} bytes; {} referred to, {} too young",
        counted(done.gone.count, "blob", "blobs"),
        done.gone.bytes,
        done.referenced.count,
        done.young.count
    ));
    Ok(())
}

fn as_json(counted: Counted) -> Value {
    json!({ "blobs": counted.count, "bytes": counted.bytes })
}

fn counted(count: u64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}

fn failure(error: BlobsFailed) -> Failure {
    match error {
        BlobsFailed::Write(error) => error.into(),
        BlobsFailed::NoSession { .. } => {
            Failure::of(&error).hint("`latchwork sessions` lists what there is")
        }
        BlobsFailed::Changed { .. } => Failure::of(&error).hint("say it again"),
        _ => Failure::of(&error),
    }
}
