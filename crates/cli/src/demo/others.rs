//! The other processes: this very program, as a writer and as a second client.

use std::process::Stdio;
use std::time::{Duration, Instant};

use latchwork::Session;
use latchwork::runner::{TurnEvent, TurnPhase, What};
use latchwork::seams::SessionLocks as _;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::demo::SESSION;
use crate::demo::lanes::{Lanes, SECOND, THIRD};
use crate::demo::stage::Stage;
use crate::failure::Failure;

/// What the second process appended, and how long it waited for it.
#[derive(Debug)]
pub(crate) struct Sent {
    /// The key of the message or entry.
    pub(crate) key: String,
    /// It is a message of the user.
    pub(crate) message: bool,
    /// From the line being sent to its receipt, durable.
    pub(crate) waited: Duration,
}

/// What is appended: messages that want an answer, and entries that only say something about the session.
fn lines() -> Vec<(&'static str, bool, Value)> {
    vec![
        (
            "a name for the session",
            false,
            json!({ "type": "session_info", "name": "Release 1.4", "key": "demo-name" }),
        ),
        (
            "a message",
            true,
            json!({ "role": "user", "content": "Also: who writes the announcement?", "key": "demo-1" }),
        ),
        (
            "a note",
            false,
            json!({ "type": "custom", "customType": "demo.note", "data": { "n": 1 }, "key": "demo-note-1" }),
        ),
        (
            "a message",
            true,
            json!({ "role": "user", "content": "And when is the deadline?", "key": "demo-2" }),
        ),
        (
            "a note",
            false,
            json!({ "type": "custom", "customType": "demo.note", "data": { "n": 2 }, "key": "demo-note-2" }),
        ),
    ]
}

/// Appends from a second process while the first one waits for its model.
pub(crate) async fn append(
    stage: &Stage,
    lanes: &Lanes,
    pace: Duration,
) -> Result<Vec<Sent>, Failure> {
    let mut child = start(stage, &["append", SESSION])?;
    let (mut input, output) = pipes(&mut child)?;
    let mut receipts = BufReader::new(output).lines();
    let mut sent = Vec::new();
    for (what, message, line) in lines() {
        tokio::time::sleep(pace.mul_f64(0.4)).await;
        let begun = Instant::now();
        let text = format!("{line}\n");
        input
            .write_all(text.as_bytes())
            .await
            .map_err(|error| lost("the second process", &error))?;
        input
            .flush()
            .await
            .map_err(|error| lost("the second process", &error))?;
        let receipt = receipts
            .next_line()
            .await
            .map_err(|error| lost("the second process", &error))?;
        let receipt: Value = serde_json::from_str(&receipt.unwrap_or_default())
            .map_err(|error| Failure::new("the second process sent no receipt").because(&error))?;
        if let Some(error) = receipt.get("error") {
            return Err(Failure::new(format!(
                "the second process could not append {what}: {error}"
            )));
        }
        let waited = begun.elapsed();
        let state = receipt["state"].as_str().unwrap_or("?");
        lanes.say(
            SECOND,
            &format!(
                "appended {what} ({state}), durable after {:.1} ms",
                millis(waited)
            ),
        );
        sent.push(Sent {
            key: line["key"].as_str().unwrap_or_default().to_owned(),
            message,
            waited,
        });
    }
    drop(input);
    child
        .wait()
        .await
        .map_err(|error| lost("the second process", &error))?;
    Ok(sent)
}

/// Asks for the turn from a third process, which waits until the first one is done and then answers what is left.
pub(crate) async fn ask_for_the_turn(
    stage: &Stage,
    lanes: &Lanes,
    session: &Session,
    pace: Duration,
) -> Result<Duration, Failure> {
    tokio::time::sleep(pace.mul_f64(0.2)).await;
    let model = stage.model(Duration::ZERO);
    let begun = Instant::now();
    let mut child = start(
        stage,
        &[
            "run",
            "--session",
            SESSION,
            "--model",
            &model,
            "--wait",
            "10min",
            "--json",
            "And now?",
        ],
    )?;
    let (input, output) = pipes(&mut child)?;
    drop(input);
    let mut events = BufReader::new(output).lines();
    let mut waited = Duration::ZERO;
    let failed = |error: std::io::Error| lost("the third process", &error);
    while let Some(line) = events.next_line().await.map_err(failed)? {
        let Ok(event) = serde_json::from_str::<TurnEvent>(&line) else {
            continue;
        };
        match event.what {
            What::PhaseStarted {
                phase: TurnPhase::Claim,
            } => {
                lanes.say(
                    THIRD,
                    &format!("asks for the turn; it is {}", whose(session).await),
                );
            }
            What::PhaseEnded {
                phase: TurnPhase::Claim,
                ..
            } => {
                waited = begun.elapsed();
                lanes.say(
                    THIRD,
                    &format!("has the turn, after {:.0} ms", millis(waited)),
                );
            }
            _ => lanes.event(THIRD, &event),
        }
    }
    let ended = child
        .wait()
        .await
        .map_err(|error| lost("the third process", &error))?;
    if !ended.success() {
        return Err(Failure::new(format!("the third process failed ({ended})")));
    }
    Ok(waited)
}

/// Whose turn it is, for people.
async fn whose(session: &Session) -> String {
    let held = session.store().held(session.id()).await;
    let claim = held.ok().and_then(|held| held.claim);
    match claim.and_then(|holder| holder.pid) {
        Some(pid) if pid == std::process::id() => format!("this process's ({pid}), so it waits"),
        Some(pid) => format!("process {pid}'s"),
        None => "free".to_owned(),
    }
}

pub(crate) fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

fn start(stage: &Stage, args: &[&str]) -> Result<Child, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::new("the program cannot find itself").because(&error))?;
    Command::new(program)
        .args(args)
        .env("LATCHWORK_HOME", stage.home())
        .env("LATCHWORK_TOOLS", "read,ls")
        .current_dir(stage.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| lost("another process", &error))
}

type Pipes = (tokio::process::ChildStdin, tokio::process::ChildStdout);

fn pipes(child: &mut Child) -> Result<Pipes, Failure> {
    match (child.stdin.take(), child.stdout.take()) {
        (Some(input), Some(output)) => Ok((input, output)),
        _ => Err(Failure::new("another process has no pipes")),
    }
}

fn lost(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(format!("{what} was lost")).because(error)
}
