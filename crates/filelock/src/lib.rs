//! Session latches on plain files: flock, a second wall on the transcript, and the peers' lock file.
