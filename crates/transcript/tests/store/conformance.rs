//! The store of files keeps what every store must.

use std::sync::Arc;

use latchwork_session::conformance::{Backend, inbox, locks, store};
use latchwork_sys::System;
use latchwork_transcript::{FileStore, Layout, Options};

fn backend(dir: &tempfile::TempDir) -> Backend {
    let files = FileStore::new(
        System::real(),
        Layout::folder(dir.path().join("sessions")),
        Options::default(),
    );
    Backend {
        locks: Arc::new(files.clone()),
        store: Arc::new(files.clone()),
        inbox: Arc::new(files),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_keep_what_every_store_must() {
    let dir = tempfile::tempdir().unwrap();
    store::keeps(&backend(&dir)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_lock_as_every_backend_must() {
    let dir = tempfile::tempdir().unwrap();
    locks::keeps(&backend(&dir)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_accept_as_every_inbox_must() {
    let dir = tempfile::tempdir().unwrap();
    inbox::keeps(&backend(&dir)).await;
}
