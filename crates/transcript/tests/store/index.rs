//! The saved index helps and never decides: whatever became of it, the answers are those of the file.

use std::path::PathBuf;

use latchwork_format::{EntryId, RawEntry, context};
use latchwork_session::{Head, Snapshot, TranscriptStore, View};
use latchwork_transcript::FileStore;
use proptest::prelude::*;

use crate::bench::*;

fn index_of(bench: &Bench) -> PathBuf {
    bench.sidecars().join("s.index")
}

/// A session that is large enough to be worth an index; `said` tells one from the other.
async fn large(bench: &Bench, said: &str) -> Head {
    let store = bench.store();
    let mut head = begun(&store).await;
    for number in 0..12 {
        let text = format!("{said} {number} {}", "x".repeat(100_000));
        let entries = vec![
            keyed(&format!("k{number} {text}")[..100]),
            user(&text),
            assistant("yes"),
        ];
        head = commit(&store, &head, going_on(entries)).await.unwrap().head;
    }
    assert!(index_of(bench).exists());
    head
}

async fn counted(store: &FileStore) -> Snapshot {
    store.open_for(&id(), View::Context, &[]).await.unwrap()
}

/// What a fresh process says is what the file says.
async fn agrees(bench: &Bench) {
    let all = open(&bench.store()).await;
    let store = bench.store();
    let seen = counted(&store).await;
    assert_eq!(seen.head, all.head);
    assert_eq!(
        (seen.report.restored, seen.report.of),
        (all.report.restored, all.report.of)
    );
    assert_eq!(seen.transcript.damage(), all.transcript.damage());
    let leaf = all.head.leaf.as_ref();
    assert_eq!(
        context(&seen.transcript, leaf),
        context(&all.transcript, leaf)
    );
    assert_eq!(
        context(
            &store.open(&id(), View::Branch).await.unwrap().transcript,
            leaf
        ),
        context(&all.transcript, leaf)
    );
}

/// The place of a line in the middle of the file, and its bytes.
fn middle(bench: &Bench) -> (usize, String) {
    let text = bench.text();
    let at = text.find("said 5 x").unwrap();
    let start = text[..at].rfind('\n').unwrap() + 1;
    let end = start + text[start..].find('\n').unwrap();
    (start, text[start..end].to_owned())
}

fn overwrite(bench: &Bench, at: usize, with: &[u8]) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(bench.transcript())
        .unwrap();
    file.write_all_at(with, at as u64).unwrap();
}

#[tokio::test]
async fn a_fresh_process_takes_the_rows_from_the_index_and_reads_on() {
    let bench = Bench::new();
    let head = large(&bench, "said").await;
    agrees(&bench).await;
    bench.append_raw(pi_user("peer", head.leaf.as_ref().map(EntryId::as_str), "more").as_bytes());
    bench.append_raw(b"rubbish\n{\"type\":\"mess");
    agrees(&bench).await;
    // That it is used is seen where it should not have been believed: a line that nobody reads was changed meanwhile.
    let (at, _) = middle(&bench);
    overwrite(&bench, at, b"#");
    assert_eq!(lost(&bench).await, 1, "the rubbish, not the line");
    std::fs::remove_file(index_of(&bench)).unwrap();
    assert_eq!(lost(&bench).await, 2);
}

/// How many lines cannot be read, as far as a fresh process knows that looks at the end of the branch only.
async fn lost(bench: &Bench) -> usize {
    let seen = bench
        .store()
        .open_for(&id(), View::Last(1), &[])
        .await
        .unwrap();
    seen.report.of - seen.report.restored
}

#[tokio::test]
async fn a_line_that_is_not_what_its_row_says_is_read_anew_and_so_is_everything() {
    let bench = Bench::new();
    large(&bench, "said").await;
    let (at, line) = middle(&bench);
    overwrite(&bench, at, line.replace("said 5", "told 5").as_bytes());
    let branch = bench.store().open(&id(), View::Branch).await.unwrap();
    let told = branch
        .transcript
        .entries()
        .any(|entry| entry.text().contains("told 5"));
    assert!(told, "the words that stand there now");
    agrees(&bench).await;
    // One that has another name now, which the row does not know.
    let (at, line) = middle_told(&bench);
    let name = line.find("\"id\":").unwrap() + 6;
    overwrite(&bench, at + name, b"0badcafe");
    let seen = counted(&bench.store()).await;
    assert!(seen.transcript.has_entry(&EntryId::new("0badcafe")));
    // One that hangs elsewhere now.
    let (at, line) = middle_told(&bench);
    let parent = line.find("\"parentId\":").unwrap() + 11;
    overwrite(&bench, at + parent, b"null      ");
    agrees(&bench).await;
    // A store that knew the session before finds it out too, and writes on.
    let store = bench.store();
    let head = counted(&store).await.head;
    let (at, line) = middle_told(&bench);
    overwrite(&bench, at, line.replace("told 5", "what 5").as_bytes());
    let branch = store.open(&id(), View::Branch).await.unwrap();
    assert!(
        branch
            .transcript
            .entries()
            .any(|entry| entry.text().contains("what 5"))
    );
    commit(&store, &head, going_on(vec![user("next")]))
        .await
        .unwrap();
    agrees(&bench).await;
}

fn middle_told(bench: &Bench) -> (usize, String) {
    let text = bench.text();
    let at = text.find("told 5 x").unwrap();
    let start = text[..at].rfind('\n').unwrap() + 1;
    let end = start + text[start..].find('\n').unwrap();
    (start, text[start..end].to_owned())
}

#[tokio::test]
async fn the_index_of_another_file_is_not_believed() {
    let (one, other) = (Bench::new(), Bench::new());
    large(&one, "said").await;
    large(&other, "told").await;
    std::fs::copy(index_of(&other), index_of(&one)).unwrap();
    agrees(&one).await;
    // A copy of the session has another inode, and needs none.
    let copy = Bench::new();
    std::fs::create_dir_all(copy.sidecars()).unwrap();
    std::fs::copy(one.transcript(), copy.transcript()).unwrap();
    std::fs::copy(index_of(&other), index_of(&copy)).unwrap();
    agrees(&copy).await;
}

#[tokio::test]
async fn a_transcript_that_was_cut_or_written_anew_is_read_without_its_index() {
    let bench = Bench::new();
    large(&bench, "said").await;
    let text = bench.text();
    std::fs::write(bench.transcript(), &text[..text.len() / 2]).unwrap();
    agrees(&bench).await;
    let other = text.replace("said 7", "told 7");
    std::fs::write(bench.transcript(), &other[..other.len() - 1]).unwrap();
    agrees(&bench).await;
    let shorter = text.replacen("hello", "he", 1);
    std::fs::write(bench.transcript(), shorter).unwrap();
    agrees(&bench).await;
}

#[tokio::test]
async fn a_fragment_that_was_mended_since_is_not_damage_any_more() {
    let bench = Bench::new();
    let head = large(&bench, "said").await;
    // The index of a writer that has seen the fragment, closed by a peer that knew nothing of it.
    let leaf = head.leaf.as_ref().map(EntryId::as_str);
    bench.append_raw(format!("{{\"type\":\"mess{}", pi_user("peer", leaf, "glued")).as_bytes());
    let seen = counted(&bench.store()).await;
    assert_eq!(seen.report.of - seen.report.restored, 1);
    let store = bench.store();
    commit(&store, &Head::default(), at_head(vec![user("next")]))
        .await
        .unwrap();
    agrees(&bench).await;
    assert!(said(&bench.store()).await.contains(&"glued".to_owned()));
}

#[tokio::test]
async fn a_key_that_only_the_index_knows_of_is_still_unique() {
    let bench = Bench::new();
    large(&bench, "said").await;
    let key = {
        let snapshot = open(&bench.store()).await;
        let keyed = snapshot.transcript.entries().find_map(RawEntry::key);
        keyed.unwrap()
    };
    let before = open(&bench.store()).await.transcript.entry_count();
    let receipt = commit(
        &bench.store(),
        &Head::default(),
        at_head(vec![keyed_as(&key)]),
    )
    .await
    .unwrap();
    assert!(receipt.placed[0].duplicate);
    assert_eq!(open(&bench.store()).await.transcript.entry_count(), before);
}

fn keyed_as(key: &str) -> latchwork_session::NewEntry {
    keyed(key)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 16, ..ProptestConfig::default() })]
    #[test]
    fn an_index_that_is_damaged_anywhere_changes_no_answer(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4), cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::new();
            large(&bench, "said").await;
            let mut bytes = std::fs::read(index_of(&bench)).unwrap();
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            for (at, byte) in changes {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
            }
            std::fs::write(index_of(&bench), &bytes).unwrap();
            agrees(&bench).await;
        });
    }
}
