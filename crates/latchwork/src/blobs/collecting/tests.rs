//! What is named anywhere stays, and nothing goes that might be.

use super::*;
use proptest::prelude::*;

fn home() -> (tempfile::TempDir, BlobStore) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("sessions/.latchwork/s.quarantine")).unwrap();
    std::fs::create_dir_all(dir.path().join("archive/a")).unwrap();
    let store = BlobStore::at(System::real(), dir.path().join(FOLDER));
    (dir, store)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Wherever a name stands, whatever stands before it, and however the file is cut into pieces: its blob stays, and no other does.
    #[test]
    fn a_blob_stays_exactly_as_long_as_some_file_names_it(
        before in prop::sample::select(vec![0, 1, 63, 200, PIECE - 30, PIECE - 64, PIECE]),
        hex in "[0-9a-f]{0,90}",
        place in prop::sample::select(vec!["sessions/s.jsonl", "sessions/.latchwork/s.inbox.jsonl", "sessions/.latchwork/s.quarantine/o", "archive/a/s.jsonl"]),
    ) {
        let (dir, store) = home();
        let hold = store.hold().unwrap();
        let [named, other] = [&b"named"[..], b"other"].map(|bytes| hold.put(bytes).unwrap());
        drop(hold);
        let text = format!("{}{hex}{named}\"", " ".repeat(before));
        std::fs::write(dir.path().join(place), text).unwrap();
        let young = collect(&System::real(), dir.path(), BLOB_AGE_FLOOR, false).unwrap();
        prop_assert_eq!((young.young.count, young.gone.count), (1, 0));
        let dry = collect(&System::real(), dir.path(), 0, true).unwrap();
        prop_assert_eq!(store.all().unwrap().len(), 2);
        let done = collect(&System::real(), dir.path(), 0, false).unwrap();
        prop_assert_eq!((done, done.gone.count, done.referenced.count), (dry, 1, 1));
        prop_assert!(store.read(named, 5).is_ok() && store.read(other, 5).is_err());
    }
}

#[test]
fn nothing_is_collected_while_anything_cannot_be_read_or_somebody_adds_blobs() {
    let (dir, store) = home();
    let hold = store.hold().unwrap();
    hold.put(b"nobody's").unwrap();
    let busy = collect(&System::real(), dir.path(), 0, false).unwrap();
    assert!(busy.busy && store.all().unwrap().len() == 1);
    drop(hold);
    let link = dir.path().join("sessions/s.jsonl");
    std::os::unix::fs::symlink(dir.path().join("not mounted"), &link).unwrap();
    let failed = collect(&System::real(), dir.path(), 0, false).unwrap_err();
    assert_eq!(failed.path, link);
    assert_eq!(store.all().unwrap().len(), 1);
    std::fs::remove_file(&link).unwrap();
    let done = collect(&System::real(), dir.path(), 0, false).unwrap();
    assert_eq!(done.gone.count, 1);
}
