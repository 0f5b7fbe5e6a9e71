//! Opening a session for what is wanted of it: the first time in this process, and again by a store that is new.

use std::path::Path;
use std::time::Instant;

use latchwork_format::{Block, Content, Context, ContextMessage};
use latchwork_tests::measure::{Answer, Sample, Show, names};
use serde_json::Value;

use crate::ours::{Opened, Session};
use crate::process::{Io, forget_peak, memory};
use crate::{Failure, ms_since, numbers};

/// How many entries the last ones are.
const LAST: usize = 50;

pub(crate) async fn measure(file: &Path, show: Show, again: usize) -> Result<Answer, Failure> {
    let before = forget_peak()?;
    let io = Io::so_far()?;
    let first = one(file, show).await?;
    let read = Io::since(io)?.read;
    let peak = memory()?.peak;
    let (open, build, items) = (first.open_ms, first.build_ms, first.items);
    drop(first);
    let mut more = Vec::new();
    for _ in 0..again {
        let one = one(file, show).await?;
        more.push(one.open_ms + one.build_ms);
    }
    let mut answer = numbers([
        (names::OPEN_MS, open),
        (names::BUILD_MS, build),
        (names::MS, open + build),
        (names::ITEMS, items as f64),
        (names::READ, read),
        (names::MORE_MIB, peak - before),
        (names::PEAK_MIB, peak),
    ]);
    if let Some(median) = Sample::new(more).median() {
        answer.insert(names::AGAIN_MS.to_owned(), median);
    }
    Ok(answer)
}

/// What was built is kept until it is counted, as its user would keep it.
struct One {
    open_ms: f64,
    build_ms: f64,
    items: usize,
    _opened: Opened,
    _context: Option<Context>,
    _values: Vec<Value>,
}

async fn one(file: &Path, show: Show) -> Result<One, Failure> {
    let start = Instant::now();
    let session = Session::of(file)?;
    let opened = match show {
        Show::Last => session.open_for_last(LAST).await?,
        Show::Context | Show::Views | Show::Values => session.open_for_context().await?,
    };
    let open_ms = ms_since(start);
    let start = Instant::now();
    let context = (show != Show::Last).then(|| opened.context());
    let messages = context
        .as_ref()
        .map_or(&[][..], |context| &context.messages);
    let mut values = Vec::new();
    let items = match show {
        Show::Last => {
            let last = opened.last(LAST);
            let decoded = last
                .iter()
                .map(|entry| entry.message().map(|said| said.text()));
            decoded.count()
        }
        Show::Context => messages.len(),
        Show::Views => messages
            .iter()
            .filter(|message| decoded(message) > 0)
            .count(),
        Show::Values => {
            for message in messages {
                values.push(serde_json::from_str(message.json().text())?);
            }
            values.len()
        }
    };
    Ok(One {
        open_ms,
        build_ms: ms_since(start),
        items,
        _opened: opened,
        _context: context,
        _values: values,
    })
}

/// The bytes of a message's texts, each decoded.
fn decoded(message: &ContextMessage) -> usize {
    let Some(view) = message.view() else {
        return 0;
    };
    match view.content() {
        Content::Text(text) => text.len(),
        Content::Blocks(blocks) => blocks
            .iter()
            .map(|block| match block {
                Block::Text { text, .. } => text.len(),
                _ => 1,
            })
            .sum(),
        _ => 1,
    }
}
