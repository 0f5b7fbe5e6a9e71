//! References resolved: in what a model is shown, and in an export.
//!
//! What is stored stays as it is. A blob that cannot be had is told in the text that stands for it.

use std::io;

use latchwork_export::Source;
use latchwork_format::{Context, ContextMessage, EntryId, Kind, Raw, RawEntry, RawLine, RawObject};
use latchwork_session::{
    AssembleInput, Assembled, CompactAsk, CompactReport, ContextEngine, EngineError, EngineInfo,
    EngineScope, SessionRef,
};
use latchwork_transcript::BlobStore;

use super::reference;

/// The message with everything in it; `None` where it is so already.
fn whole(blobs: &BlobStore, message: &str) -> Option<String> {
    let read = |one: &reference::Reference| blobs.read(one.id, one.bytes);
    let (whole, back) = reference::back(message, true, read);
    if back.lost > 0 {
        tracing::warn!(folder = ?blobs.folder(), lost = back.lost, "pieces of a message that are out of line cannot be had");
    }
    whole
}

/// The context with everything in it.
fn resolved(blobs: &BlobStore, mut context: Context) -> Context {
    for message in &mut context.messages {
        if !reference::may_refer(message.json().text()) {
            continue;
        }
        let Some(text) = whole(blobs, message.json().text()) else {
            continue;
        };
        if let Ok(raw) = Raw::parse(&text) {
            *message = ContextMessage::new(message.source().cloned(), &raw.to_raw_value());
        }
    }
    context
}

/// An engine that is given a context with everything in it.
#[derive(Debug)]
pub(crate) struct ResolvingEngine<E> {
    engine: E,
    blobs: BlobStore,
}

impl<E> ResolvingEngine<E> {
    pub(crate) const fn new(engine: E, blobs: BlobStore) -> Self {
        Self { engine, blobs }
    }
}

#[async_trait::async_trait]
impl<E: ContextEngine> ContextEngine for ResolvingEngine<E> {
    fn info(&self) -> EngineInfo {
        self.engine.info()
    }

    async fn ingest(
        &self,
        scope: &mut EngineScope<'_>,
        session: &SessionRef,
        entry: &EntryId,
    ) -> Result<bool, EngineError> {
        self.engine.ingest(scope, session, entry).await
    }

    async fn assemble(
        &self,
        scope: &mut EngineScope<'_>,
        mut input: AssembleInput,
    ) -> Result<Assembled, EngineError> {
        let messages = &input.context.messages;
        if messages
            .iter()
            .any(|message| reference::may_refer(message.json().text()))
        {
            let (blobs, context) = (self.blobs.clone(), input.context.clone());
            let read = tokio::task::spawn_blocking(move || resolved(&blobs, context)).await;
            // Where the thread could not run, the short texts are shown.
            input.context = read.unwrap_or(input.context);
        }
        self.engine.assemble(scope, input).await
    }

    async fn compact(
        &self,
        scope: &mut EngineScope<'_>,
        ask: CompactAsk,
    ) -> Result<CompactReport, EngineError> {
        self.engine.compact(scope, ask).await
    }
}

/// Entries with everything in them.
pub(crate) struct ResolvedEntries<S> {
    pub(crate) entries: S,
    pub(crate) blobs: BlobStore,
}

impl<S: Source> Source for ResolvedEntries<S> {
    fn entry(&mut self, number: u32) -> io::Result<Option<RawEntry>> {
        let entry = self.entries.entry(number)?;
        Ok(entry.map(|entry| entry_resolved(&self.blobs, &entry).unwrap_or(entry)))
    }
}

fn entry_resolved(blobs: &BlobStore, entry: &RawEntry) -> Option<RawEntry> {
    if !matches!(entry.kind(), Kind::Message(_)) {
        return None;
    }
    let message = entry.message_json()?;
    let text = reference::may_refer(message.text())
        .then(|| whole(blobs, message.text()))
        .flatten()?;
    let message = RawObject::parse(&text).ok()?;
    let line = RawObject::of(entry).with_object("message", &message);
    match RawLine::parse(line.text().as_bytes()) {
        Ok(RawLine::Entry(entry)) => Some(entry),
        _ => None,
    }
}
