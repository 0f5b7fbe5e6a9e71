//! Many writers of one session, in any order: a model-based check.
//!
//! Two stores that share no memory, a turn with a base that grows old, and a program without locks (pi) act in an order
//! that proptest chooses. Whatever the order: no line is lost, every keyed message of ours stands exactly once in the
//! context, parents exist, and a fresh process sees the same head.

use std::collections::BTreeSet;

use latchwork_session::{Head, Outcome};
use proptest::prelude::*;

use crate::bench::*;

#[derive(Clone, Copy, Debug)]
enum Move {
    /// The turn takes a new base.
    Look,
    /// The turn commits a reply to its base.
    Reply,
    /// Another process of ours sends a message.
    Message,
    /// pi, whose leaf is the last line, says something.
    PiSays,
    /// A pi whose leaf is old renames the session.
    PiRenames,
    /// A dead writer left a fragment.
    Fragment,
    /// The sidecar that saves the head is deleted.
    ForgetHead,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => Just(Move::Look),
        4 => Just(Move::Reply),
        4 => Just(Move::Message),
        1 => Just(Move::PiSays),
        2 => Just(Move::PiRenames),
        1 => Just(Move::Fragment),
        1 => Just(Move::ForgetHead),
    ];
    prop::collection::vec(one, 1..14)
}

struct World {
    bench: Bench,
    turn: latchwork_transcript::FileStore,
    beside: latchwork_transcript::FileStore,
    base: Head,
    first_leaf: String,
    sent: BTreeSet<String>,
    written: usize,
    pi_spoke: bool,
    forgotten: bool,
}

impl World {
    async fn new() -> Self {
        let bench = Bench::new();
        let (turn, beside) = (bench.store(), bench.store());
        let base = begun(&turn).await;
        let first_leaf = base.leaf.as_ref().unwrap().to_string();
        Self {
            bench,
            turn,
            beside,
            base,
            first_leaf,
            sent: BTreeSet::new(),
            written: 0,
            pi_spoke: false,
            forgotten: false,
        }
    }

    async fn act(&mut self, step: usize, what: Move) {
        match what {
            Move::Look => self.base = open(&self.turn).await.head,
            Move::Reply => {
                let text = format!("reply {step}");
                let done = commit(&self.turn, &self.base, going_on(vec![assistant(&text)]))
                    .await
                    .unwrap();
                assert!(
                    !matches!(done.outcome, Outcome::Aside { .. }) || self.pi_spoke,
                    "{:?}",
                    done.outcome
                );
                self.base = done.head;
                self.written += 1;
            }
            Move::Message => {
                let text = format!("message {step}");
                commit(&self.beside, &Head::default(), at_head(vec![keyed(&text)]))
                    .await
                    .unwrap();
                self.sent.insert(text);
            }
            Move::PiSays => {
                let leaf = open(&self.turn)
                    .await
                    .transcript
                    .leaf()
                    .unwrap()
                    .to_string();
                self.raw(&pi_user(
                    &format!("{step:08}"),
                    Some(&leaf),
                    &format!("pi {step}"),
                ));
                self.pi_spoke = true;
            }
            Move::PiRenames => self.raw(&pi_name(
                &format!("{step:08}"),
                Some(&self.first_leaf.clone()),
            )),
            Move::Fragment => self
                .bench
                .append_raw(b"{\"type\":\"message\",\"id\":\"torn"),
            Move::ForgetHead => {
                let _ = std::fs::remove_file(self.bench.sidecars().join("s.head"));
                // What is left is pi's rule, so a stale pi counts as having spoken.
                self.pi_spoke = true;
                self.forgotten = true;
            }
        }
    }

    /// As pi does it: one append, whatever stands there.
    fn raw(&mut self, line: &str) {
        self.bench.append_raw(line.as_bytes());
    }

    async fn check(&self) {
        let last = commit(
            &self.beside,
            &Head::default(),
            at_head(vec![keyed("the last")]),
        )
        .await
        .unwrap();
        let snapshot = open(&self.turn).await;
        let transcript = &snapshot.transcript;
        assert_eq!(snapshot.head.leaf, last.head.leaf);
        assert_eq!(
            open(&self.bench.store()).await.head,
            snapshot.head,
            "a fresh process sees the same head"
        );
        let texts: Vec<String> = transcript
            .entries()
            .filter_map(latchwork_format::RawEntry::message)
            .map(|message| message.text())
            .collect();
        assert_eq!(
            texts
                .iter()
                .filter(|text| text.starts_with("reply"))
                .count(),
            self.written,
            "no reply is lost"
        );
        for sent in &self.sent {
            assert!(texts.contains(sent), "{sent} is lost");
        }
        for entry in transcript.entries() {
            if let Some(parent) = entry.parent() {
                assert!(
                    transcript.entry(parent).is_some(),
                    "{} hangs in the air\n{}",
                    entry.id(),
                    self.bench.text()
                );
            }
        }
        let whole = self.bench.text().lines().all(|line| {
            line.trim().is_empty() || serde_json::from_str::<serde_json::Value>(line).is_ok()
        });
        // Damage from before a head that is lost may be older than anything of ours: it is reported and left.
        assert!(whole || self.forgotten && !snapshot.report.damage.is_empty());
        if self.pi_spoke {
            return;
        }
        let now = said(&self.turn).await;
        for sent in &self.sent {
            assert_eq!(
                now.iter().filter(|text| *text == sent).count(),
                1,
                "{sent} in {now:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn whoever_writes_in_whatever_order_nothing_is_lost_and_ours_stands_once(moves in moves()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for (step, what) in moves.into_iter().enumerate() {
                world.act(step, what).await;
            }
            world.check().await;
        });
    }
}
