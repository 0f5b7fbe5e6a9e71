//! `latchwork sessions export`: a session as Markdown or as one HTML page.
//!
//! Both are made harmless for a terminal where they are made, whatever reads them: what is shown on a terminal and what is written
//! to a file are the same bytes.

use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use latchwork::export::{ExportError, Exported, Images, Which};
use latchwork::{ExportFailed, ExportFormat, ExportHow, ExportTo, Latchwork, Session};
use serde_json::json;

use crate::args::{Export, Format};
use crate::bar::{Bar, Cleared};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Errors, Output};
use crate::signals::Interrupts;
use crate::world::World;

/// Runs the command.
pub(crate) async fn run(
    typed: &Export,
    latchwork: &Latchwork,
    world: &World,
    errors: Errors,
) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let interrupts = Interrupts::listen()?;
    let nobody_reads = Arc::new(AtomicBool::new(false));
    let to = match &typed.out {
        Some(path) => ExportTo::File {
            path: path.clone(),
            replace: typed.force,
        },
        None => ExportTo::Writer(Box::new(Standard(nobody_reads.clone()))),
    };
    let bar = Bar::of_bytes(world, typed.json, "exporting");
    let shown = bar.clone();
    let mut how = how(typed);
    // A bar between the lines of the export itself would be none.
    if typed.out.is_some() || !io::stdout().is_terminal() {
        how.watch = Some(Arc::new(move |done, of| shown.tell(done, of)));
    }
    let bar = Cleared(bar);
    let done = tokio::select! {
        done = session.export(how, to) => done,
        () = interrupts.token.cancelled() => return Ok(interrupts.exit().unwrap_or(Exit::Failure)),
    };
    drop(bar);
    match done {
        Ok(done) => {
            told(typed, &session, &done, errors)?;
            Ok(Exit::Ok)
        }
        // Whoever read it has seen enough.
        Err(_) if nobody_reads.load(Ordering::SeqCst) => Ok(Exit::Ok),
        Err(error) => Err(failure(&error, typed)),
    }
}

fn how(typed: &Export) -> ExportHow {
    let is_page = typed.format() == Format::Html;
    let inline = !typed.no_images && (is_page || typed.inline_images);
    ExportHow {
        format: if is_page {
            ExportFormat::Html
        } else {
            ExportFormat::Markdown
        },
        which: match &typed.leaf {
            Some(leaf) => Which::Leaf(leaf.as_str().into()),
            None if typed.all_branches => Which::All,
            None => Which::Active,
        },
        thinking: !typed.no_thinking,
        tools: !typed.no_tools,
        images: if inline {
            Images::Inline
        } else {
            Images::Named
        },
        title: typed.title.clone(),
        redact: None,
        watch: None,
    }
}

/// Says what was made, where standard output is not the export itself.
fn told(typed: &Export, session: &Session, done: &Exported, errors: Errors) -> Result<(), Failure> {
    if done.lost > 0 {
        errors.warn(&format!(
            "{} entries were changed while the session was read, and are marked as gaps",
            done.lost
        ));
    }
    let Some(path) = &typed.out else {
        return Ok(());
    };
    let mut output = Output::standard();
    if typed.json {
        output.json(&as_json(typed, session, path, done))?;
    } else {
        output.line(format!(
            "{} of {} entries, {} bytes: {}",
            done.entries,
            done.of,
            done.bytes,
            path.display()
        ));
    }
    output.finish()
}

fn as_json(typed: &Export, session: &Session, path: &Path, done: &Exported) -> serde_json::Value {
    json!({
        "session": session.id(),
        "path": path,
        "format": match typed.format() { Format::Md => "md", Format::Html => "html" },
        "entries": done.entries,
        "of": done.of,
        "lost": done.lost,
        "bytes": done.bytes,
    })
}

fn failure(error: &ExportFailed, typed: &Export) -> Failure {
    let failure = Failure::of(error);
    match error {
        ExportFailed::NoSession { place, .. } => failure
            .near(place, typed.session.session_key().is_some())
            .hint("`latchwork sessions` lists what there is"),
        ExportFailed::Export(ExportError::NoEntry(_)) => {
            failure.hint("`latchwork show SESSION --tree` lists the entries")
        }
        ExportFailed::Exists { .. } => failure.hint("--force replaces it"),
        ExportFailed::Replaced { .. } => failure.hint("try again"),
        _ => failure,
    }
}

/// Standard output; notes that its reader went away.
struct Standard(Arc<AtomicBool>);

impl Write for Standard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.noting(io::stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.noting(io::stdout().flush())
    }
}

impl Standard {
    fn noting<T>(&self, done: io::Result<T>) -> io::Result<T> {
        done.inspect_err(|error| {
            if error.kind() == io::ErrorKind::BrokenPipe {
                self.0.store(true, Ordering::SeqCst);
            }
        })
    }
}
