//! One recorded reply as a stream: cut into small pieces, each at its time, each at a point where it can be cancelled.
//!
//! The pieces are spread evenly over the reply's time, by deadlines and not by sleeps, so that many small pieces take no
//! longer than few.

use std::collections::VecDeque;
use std::time::Duration;

use latchwork_lock::Unlocked;
use latchwork_session::{ModelError, ModelEvent, ModelStream, Reply, ReplyBlock};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ids::FreshIds;

/// The most characters of one piece.
const PIECE_CHARS: usize = 24;

pub(crate) struct Play<'a> {
    _nothing_is_held: Unlocked<'a>,
    provider: String,
    cancel: CancellationToken,
    events: VecDeque<ModelEvent>,
    begun: Instant,
    time: Duration,
    /// How many pieces there are, and how many were handed out.
    pieces: u32,
    said: u32,
}

impl<'a> Play<'a> {
    /// Begins now. Call ids that are not fresh are replaced.
    pub(crate) fn begin(
        nothing_is_held: Unlocked<'a>,
        mut reply: Reply,
        ids: FreshIds,
        time: Duration,
        cancel: CancellationToken,
    ) -> Self {
        freshen(&mut reply, ids);
        let mut events: VecDeque<ModelEvent> = events(&reply).into();
        let pieces = u32::try_from(events.len()).unwrap_or(u32::MAX);
        let provider = reply.provider.clone();
        events.push_back(ModelEvent::Finished(Box::new(reply)));
        Self {
            _nothing_is_held: nothing_is_held,
            provider,
            cancel,
            events,
            begun: Instant::now(),
            time,
            pieces,
            said: 0,
        }
    }

    pub(crate) fn into_stream(self) -> ModelStream<'a> {
        Box::pin(futures::stream::unfold(self, |mut play| async move {
            let event = play.next().await?;
            Some((event, play))
        }))
    }

    async fn next(&mut self) -> Option<Result<ModelEvent, ModelError>> {
        if self.events.is_empty() {
            return None;
        }
        let cancelled = tokio::select! {
            biased;
            () = self.cancel.cancelled() => true,
            () = wait_until(self.deadline()) => false,
        };
        if cancelled {
            self.events.clear();
            return Some(Err(ModelError::Cancelled {
                provider: self.provider.clone(),
            }));
        }
        self.said = self.said.saturating_add(1);
        self.events.pop_front().map(Ok)
    }

    /// When the next piece is due; nothing if no time is to pass.
    fn deadline(&self) -> Option<Instant> {
        if self.time.is_zero() {
            return None;
        }
        let share =
            f64::from(self.said.saturating_add(1).min(self.pieces)) / f64::from(self.pieces.max(1));
        // A reply without pieces takes its time, too.
        let share = if self.pieces == 0 { 1.0 } else { share };
        self.begun.checked_add(self.time.mul_f64(share))
    }
}

/// Without a deadline it still lets others run: a stream that is always ready would starve them.
async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => tokio::task::yield_now().await,
    }
}

fn freshen(reply: &mut Reply, mut ids: FreshIds) {
    for block in &mut reply.blocks {
        if let ReplyBlock::Call { id, .. } = block {
            *id = ids.take(Some(id.as_str()).filter(|id| !id.is_empty()));
        }
    }
}

/// What a provider would have sent before the end.
fn events(reply: &Reply) -> Vec<ModelEvent> {
    let mut events = Vec::new();
    let mut index = 0;
    for block in &reply.blocks {
        match block {
            ReplyBlock::Text { text, .. } => events.extend(pieces(text).map(ModelEvent::Text)),
            ReplyBlock::Thinking { thinking, .. } => {
                events.extend(pieces(thinking).map(ModelEvent::Thinking));
            }
            ReplyBlock::Call {
                id,
                name,
                arguments,
                ..
            } => {
                events.push(ModelEvent::CallStarted {
                    index,
                    id: id.clone(),
                    name: name.clone(),
                });
                let json = arguments.to_string();
                events.extend(pieces(&json).map(|json| ModelEvent::CallArguments { index, json }));
                index += 1;
            }
            _ => {}
        }
    }
    events
}

/// The text in words, long words in parts.
fn pieces(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split_inclusive(char::is_whitespace).flat_map(|word| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let end = rest
                .char_indices()
                .nth(PIECE_CHARS)
                .map_or(rest.len(), |(end, _)| end);
            let (piece, after) = rest.split_at(end);
            rest = after;
            (!piece.is_empty()).then(|| piece.to_owned())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_pieces_of_a_text_are_small_and_together_are_the_text(text in "\\PC{0,200}|[a-zé ]{0,200}") {
            let pieces: Vec<String> = pieces(&text).collect();
            prop_assert_eq!(pieces.concat(), text);
            prop_assert!(pieces.iter().all(|piece| (1..=PIECE_CHARS).contains(&piece.chars().count())));
        }
    }
}
