//! A context made a conversation and a request, and the same entries written as JSON. What was made is dropped untimed.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use latchwork_format::request::{Conversation, Target, project, wire};
use latchwork_format::{Transcript, context};
use latchwork_tests::measure::{Answer, Sample, names};
use serde_json::Value;

use crate::{Failure, ms_since};

type Render = fn(&Conversation, &Target) -> Result<Value, wire::Empty>;

/// Whom the conversation is for: provider, model, protocol. Some of its replies are the first one's own.
const TARGETS: [(&str, &str, &str, Render); 4] = [
    (
        "anthropic",
        "claude-sonnet-4-5",
        "anthropic-messages",
        wire::anthropic::render,
    ),
    (
        "openai",
        "gpt-5.2",
        "openai-responses",
        wire::responses::render,
    ),
    (
        "openrouter",
        "qwen3-coder",
        "openai-completions",
        wire::chat::render,
    ),
    (
        "google",
        "gemini-3-pro",
        "google-generative-ai",
        wire::gemini::render,
    ),
];

pub(crate) fn measure(file: &Path, runs: usize) -> Result<Answer, Failure> {
    let bytes = fs::read(file)?;
    let transcript = Transcript::parse(&bytes);
    let context = context(&transcript, None);
    let mut entries: Vec<Value> = Vec::new();
    for line in bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        entries.push(serde_json::from_slice(line)?);
    }
    let median = |run: &mut dyn FnMut() -> Result<f64, Failure>| -> Result<f64, Failure> {
        let times = (0..runs).map(|_| run()).collect::<Result<Vec<f64>, _>>()?;
        Ok(Sample::new(times).median().unwrap_or(f64::NAN))
    };
    let mut answer = Answer::new();
    answer.insert(names::ITEMS.to_owned(), entries.len() as f64);
    let serialised = median(&mut || {
        let start = Instant::now();
        let mut out = Vec::new();
        for entry in &entries {
            serde_json::to_writer(&mut out, entry)?;
            out.push(b'\n');
        }
        let took = ms_since(start);
        black_box(out);
        Ok(took)
    })?;
    answer.insert(names::SERIALISE_MS.to_owned(), serialised);
    for (provider, model, api, render) in TARGETS {
        let target = Target::new(provider, model, api);
        let projected = median(&mut || {
            let start = Instant::now();
            let conversation = project(&context, &target);
            let took = ms_since(start);
            black_box(conversation);
            Ok(took)
        })?;
        let rendered = median(&mut || {
            let start = Instant::now();
            let (conversation, _) = project(&context, &target);
            let request = serde_json::to_vec(&render(&conversation, &target)?)?;
            let took = ms_since(start);
            black_box((conversation, request));
            Ok(took)
        })?;
        answer.insert(format!("{}:{api}", names::PROJECT_MS), projected);
        answer.insert(format!("{}:{api}", names::RENDER_MS), rendered);
    }
    Ok(answer)
}
