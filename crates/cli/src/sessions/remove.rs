//! `latchwork sessions rm`: sessions that are gone afterwards, and the receipts; or what would go, and what stands in the way.

use latchwork::Latchwork;
use latchwork::house::{HouseError, IfForks, Receipt, Removal, RemoveHow};
use latchwork::lock::LockScope;
use latchwork::seams::SessionId;
use latchwork::transcript::{IfWaiting, PutAwayError};
use serde_json::{Value, json};

use crate::args::Rm;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output};

/// Runs the command. One that stays does not keep the others.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(super) async fn run(
    typed: &Rm,
    latchwork: &Latchwork,
    errors: Errors,
) -> Result<Exit, Failure> {
    let house = latchwork.house()?;
    let mut output = Output::standard();
    let (mut named, mut failed) = (Vec::new(), Vec::new());
    for name in &typed.sessions {
        match house.named(name).await {
            Ok(session) => named.push(session),
            Err(error) => failed.push(error.into()),
        }
    }
    if typed.dry_run {
        for session in &named {
            match house.removal(session).await {
                Ok(removal) => told(typed, &removal, &mut output)?,
                Err(error) => failed.push(error.into()),
            }
        }
    } else {
        let mut scope = LockScope::open();
        let removed = house.remove_all(&mut scope, &named, how(typed)).await;
        for receipt in &removed.receipts {
            if typed.json {
                output.json(receipt)?;
            } else {
                output.line(in_words(receipt));
            }
        }
        warn_of_words(&removed.receipts, errors);
        warn_of_blobs(&removed.receipts, errors);
        failed.extend(removed.stayed.into_iter().map(|(_, error)| error.into()));
    }
    output.finish()?;
    match ended(failed, typed.sessions.len()) {
        None => Ok(Exit::Ok),
        Some(failure) => Err(failure),
    }
}

fn how(typed: &Rm) -> RemoveHow {
    RemoveHow {
        forks: match (typed.with_forks, typed.keep_forks) {
            (true, _) => IfForks::Remove,
            (false, true) => IfForks::Keep,
            (false, false) => IfForks::Refuse,
        },
        waiting: if typed.with_waiting {
            IfWaiting::Take
        } else {
            IfWaiting::Stay
        },
        keep_archived: typed.keep_archived,
    }
}

/// Says that words of what is gone may be in the search index still. It is one index: one receipt says it for all.
pub(super) fn warn_of_words<'a>(receipts: impl IntoIterator<Item = &'a Receipt>, errors: Errors) {
    let mut why = receipts
        .into_iter()
        .filter_map(|receipt| receipt.search_index.as_deref());
    if let Some(why) = why.next() {
        errors.warn(&format!(
            "words of what is gone may be in the search index still: {why}; \
             the next removal takes them out, and so does `latchwork sessions search --rebuild WORD`"
        ));
    }
}

/// Says that blobs of what is gone are there still.
pub(super) fn warn_of_blobs<'a>(receipts: impl IntoIterator<Item = &'a Receipt>, errors: Errors) {
    let mut why = receipts
        .into_iter()
        .filter_map(|receipt| receipt.blobs_kept.as_deref());
    if let Some(why) = why.next() {
        errors.warn(&format!(
            "pieces of what is gone that lay out of line are there still: {why}; `latchwork blobs gc` takes them out"
        ));
    }
}

/// What several failures are together: that a session is in use is the least of them.
fn ended(mut failed: Vec<Failure>, of: usize) -> Option<Failure> {
    let one = failed.pop()?;
    if failed.is_empty() && of == 1 {
        return Some(one);
    }
    failed.push(one);
    let worst = failed.iter().map(|failure| failure.exit);
    let worst = worst.max_by_key(|exit| *exit != Exit::Busy);
    let whole = Failure::new(format!("{} of {of} sessions stayed", failed.len()));
    let whole = whole.exit(worst.unwrap_or(Exit::Failure));
    Some(failed.into_iter().fold(whole, Failure::with))
}

/// A receipt in a line.
pub(super) fn in_words(receipt: &Receipt) -> String {
    let what = match receipt.from.as_str() {
        "session" => format!("session {}", receipt.session),
        copy => format!("archived copy {copy}"),
    };
    let sum = receipt
        .sha256
        .as_deref()
        .map_or_else(String::new, |sum| format!(", sha256 {sum}"));
    let blobs = match receipt.blobs {
        0 => String::new(),
        blobs => format!(", and {blobs} out of line, {} bytes", receipt.blob_bytes),
    };
    format!(
        "{what} is gone: {} files, {} bytes{blobs}{sum} (receipt {})",
        receipt.files, receipt.bytes, receipt.id
    )
}

fn told(typed: &Rm, removal: &Removal, output: &mut Output) -> Result<(), Failure> {
    let files: usize = removal.parts.iter().map(|one| one.files).sum();
    let bytes: u64 = removal.parts.iter().map(|one| one.bytes).sum();
    if typed.json {
        let parts: Vec<Value> = removal
            .parts
            .iter()
            .map(|one| json!({ "path": one.path, "files": one.files, "bytes": one.bytes }))
            .collect();
        return output.json(&json!({
            "session": removal.session,
            "dryRun": true,
            "files": files,
            "bytes": bytes,
            "parts": parts,
            "archived": removal.archived,
            "forks": removal.forks,
            "waiting": removal.waiting,
            "inUse": removal.in_use,
        }));
    }
    output.line(format!(
        "session {} would go: {files} files, {bytes} bytes",
        removal.session
    ));
    for one in &removal.parts {
        output.line(format!("  {} ({} bytes)", one.path.display(), one.bytes));
    }
    for folder in removal.archived.iter().filter(|_| !typed.keep_archived) {
        output.line(format!("  {} (archived)", folder.display()));
    }
    if removal.waiting > 0 && !typed.with_waiting {
        output.line(format!(
            "  in the way: {} accepted messages wait to be answered (--with-waiting)",
            removal.waiting
        ));
    }
    if !removal.forks.is_empty() {
        let names: Vec<&str> = removal.forks.iter().map(SessionId::as_str).collect();
        output.line(format!(
            "  forked from it: {} (--with-forks, --keep-forks)",
            names.join(", ")
        ));
    }
    if let Some(by) = &removal.in_use {
        output.line(format!("  in the way: {by}"));
    }
    Ok(())
}

impl From<HouseError> for Failure {
    fn from(error: HouseError) -> Self {
        let failure = Self::of(&error);
        match &error {
            error if error.is_contention() => failure
                .exit(Exit::Busy)
                .hint("try again when it has ended; `latchwork why SESSION` says what it does"),
            HouseError::Forks { .. } => failure
                .hint("--keep-forks removes it alone: they have its words; --with-forks removes them, too"),
            HouseError::NoSession { place, .. } => failure
                .near(place, true)
                .hint("`latchwork sessions` lists what there is, `latchwork sessions list --archived` what is archived"),
            HouseError::NotArchived { .. } => {
                failure.hint("`latchwork sessions list --archived` lists what is archived")
            }
            HouseError::Ambiguous { .. } => failure.hint("name one of these"),
            HouseError::Move(PutAwayError::Waiting { .. }) => failure
                .hint("have them answered with `latchwork run`, or say --with-waiting"),
            HouseError::Move(PutAwayError::Stands { .. }) => failure
                .hint("archive or remove what stands there first"),
            _ => failure,
        }
    }
}
