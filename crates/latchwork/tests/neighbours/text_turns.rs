//! The pair of a text-only backend.

use crate::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_text_turn_is_one_commit_that_stands_once_by_its_keys() {
    let bench = Bench::new();
    let first = bench.persist(&keyed("hello", "hi", "t1")).await;
    assert!(first.is_written());
    let again = bench.persist(&keyed("hello", "hi", "t1")).await;
    let stood = |part: &Persisted| match part {
        Persisted::Written(id) | Persisted::Stood(id) => id.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(again.user, Persisted::Stood(stood(&first.user)));
    assert_eq!(again.reply, Persisted::Stood(stood(&first.reply)));
    assert_eq!(bench.said().await, ["user: hello", "assistant: hi"]);

    // The user's message alone, then the pair: only the reply is missing.
    let mut half = keyed("more", "", "t2");
    half.reply_key = None;
    bench.persist(&half).await;
    let whole = bench.persist(&keyed("more", "yes", "t2")).await;
    assert!(matches!(
        (&whole.user, &whole.reply),
        (Persisted::Stood(_), Persisted::Written(_))
    ));
    // The same words under another key are another turn.
    bench.persist(&keyed("more", "yes", "t3")).await;
    assert_eq!(
        bench.said().await,
        [
            "user: hello",
            "assistant: hi",
            "user: more",
            "assistant: yes",
            "user: more",
            "assistant: yes"
        ]
    );
    assert_eq!(
        bench.persist(&turn(" ", "\n")).await,
        latchwork::PersistedTurn {
            user: Persisted::Nothing,
            reply: Persisted::Nothing
        }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_are_filled_by_the_words_at_the_end_and_by_nothing_else() {
    let bench = Bench::new();
    let fill = |user: &str, reply: &str| TextTurn {
        fill_gaps: true,
        ..turn(user, reply)
    };
    bench.persist(&turn("question one", "")).await;
    let filled = bench.persist(&fill(" question \n one", "the answer")).await;
    assert!(matches!(
        (&filled.user, &filled.reply),
        (Persisted::Stood(_), Persisted::Written(_))
    ));
    let none = bench.persist(&fill("question one", "the  answer ")).await;
    assert!(
        !none.is_written() && matches!(none.user, Persisted::Stood(_)),
        "{none:?}"
    );
    let none = bench.persist(&fill("", "the answer")).await;
    assert!(!none.is_written(), "{none:?}");
    // The same answer to another question is said again; without filling of gaps so is anything.
    assert!(
        bench
            .persist(&fill("question two", "the answer"))
            .await
            .is_written()
    );
    assert!(
        bench
            .persist(&turn("question two", "the answer"))
            .await
            .is_written()
    );
    let said = bench.said().await;
    assert_eq!(said.len(), 6, "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_of_one_text_turn_write_it_once() {
    let bench = Bench::new();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let session = bench.session.clone();
            tokio::spawn(async move {
                let mut scope = LockScope::open();
                let turn = keyed("hello", "hi", "t1");
                session
                    .persist_text_turn(&mut scope, &turn)
                    .await
                    .unwrap()
                    .is_written()
            })
        })
        .collect();
    let mut written = 0;
    for task in tasks {
        written += u32::from(task.await.unwrap());
    }
    assert_eq!((written, bench.said().await.len()), (1, 2));
}
