//! Durable transcripts in one JSONL file a session: store, locks and inbox.
