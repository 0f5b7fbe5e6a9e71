//! The moves of a turn: a message is accepted, placed and answered with calls, results and words; then it is retired.

use latchwork_session::{Inbox as _, Incoming, Intent, Key};
use serde_json::json;

use super::words::{Sort, Words};
use super::writer::{Made, Writer, said};

/// How many messages a turn places at most.
const PLACED_MAX: usize = 2;

impl Writer {
    /// A message into the inbox; now and then the same again.
    pub(super) async fn accept(&mut self) {
        let call = self.next_call();
        let words = self.words(Sort::User, &call, 0);
        let (Ok(key), Ok(message)) = (
            Key::new(words.nonce.clone()),
            serde_json::value::RawValue::from_string(words.text.clone()),
        ) else {
            return;
        };
        let times = if self.numbers.one_in(6) { 2 } else { 1 };
        for time in 0..times {
            let call = format!("{call}a{time}");
            self.tell(json!({ "accept": call, "key": key.as_str(), "body": words.text }));
            let message = Incoming {
                key: key.clone(),
                message: message.clone(),
                at_ms: 1,
                session_key: None,
            };
            let accepted = self.store.accept(&self.session, message).await;
            self.tell(match accepted {
                Ok(_) => json!({ "accepted": call }),
                Err(error) => json!({ "unaccepted": call, "why": said(&error) }),
            });
        }
    }

    /// Places what waits, calls tools, answers, retires.
    pub(super) async fn turn(&mut self) {
        let Ok(mut waiting) = self.store.waiting(&self.session).await else {
            return;
        };
        waiting.truncate(PLACED_MAX);
        let Some(snapshot) = self.open().await else {
            return;
        };
        let call = self.next_call();
        let mut words: Vec<Words> = waiting
            .into_iter()
            .map(|waiting| Words::waiting(waiting.key, waiting.message))
            .collect();
        let keys: Vec<Key> = words.iter().filter_map(|words| words.key.clone()).collect();
        let first = words.len();
        words.push(self.words(Sort::Calls, &call, first));
        let Made::Stands(placed) = self
            .commit(&call, &snapshot.head, words, Intent::Continue, false)
            .await
        else {
            return;
        };
        let call = self.next_call();
        let answer = vec![
            self.words(Sort::Result, &call, 0),
            self.words(Sort::Result, &call, 1),
            self.words(Sort::Answer, &call, 2),
        ];
        let answered = self
            .commit(&call, &placed.head, answer, Intent::Continue, false)
            .await;
        let Made::Stands(receipt) = answered else {
            return;
        };
        let Some(by) = receipt.placed.last().map(|placed| placed.id.clone()) else {
            return;
        };
        let ended: Vec<_> = keys.into_iter().map(|key| (key, by.clone())).collect();
        self.retire(&ended).await;
    }

    #[expect(
        clippy::await_holding_invalid_type,
        reason = "a guard over one call of the store"
    )]
    async fn retire(&self, ended: &[(Key, latchwork_format::EntryId)]) {
        let mut scope = self.scope();
        let Some(mut guard) = self.guard(&mut scope, &self.session).await else {
            return;
        };
        if let Err(error) = self.store.retire(&mut guard, &self.session, ended).await {
            self.tell(json!({ "unretired": self.name, "why": said(&error) }));
        }
        drop(guard.release().await);
    }

    /// A keyed message of the side: sent, and then placed once more, or sent again with its key.
    pub(super) async fn again(&mut self) {
        let Some(snapshot) = self.open().await else {
            return;
        };
        let call = self.next_call();
        let words = self.words(Sort::User, &call, 0);
        let Ok(key) = Key::new(words.nonce.clone()) else {
            return;
        };
        let words = words.keyed(key);
        let again = self.numbers.one_in(2);
        for time in 0..2 {
            let call = format!("{call}k{time}");
            let again = again && time > 0;
            self.commit(
                &call,
                &snapshot.head,
                vec![words.clone()],
                Intent::AtHead,
                again,
            )
            .await;
        }
    }
}
