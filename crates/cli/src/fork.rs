//! `latchwork fork`: a new session that begins with what was said in another one, which is neither locked nor changed.

use latchwork::Latchwork;
use latchwork::lock::LockScope;
use serde_json::json;

use crate::args::Fork;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the command.
#[expect(
    clippy::disallowed_methods,
    reason = "the entry point of the program's task"
)]
pub(crate) async fn run(typed: &Fork, latchwork: &Latchwork) -> Result<Exit, Failure> {
    let session = latchwork.session(&typed.session)?;
    let to = latchwork.session(&typed.to)?;
    let mut scope = LockScope::open();
    session.fork(&mut scope, &to).await?;
    let mut output = Output::standard();
    let place = to.place();
    if typed.json {
        output.json(&json!({
            "session": to.id(), "path": place, "parentSession": session.place(),
        }))?;
    } else {
        output.line(format!(
            "session {} begins with what was said in session {}: {}",
            to.id(),
            session.id(),
            place.display()
        ));
    }
    output.finish()?;
    Ok(Exit::Ok)
}
