//! The only room that prints. A closed pipe (`cargo xtask tidy | head`) is no error: what nobody reads is not written.

use std::{
    error::Error,
    fmt::Display,
    io::{Write, stderr, stdout},
};

/// One line on stdout.
pub(crate) fn line(text: impl Display) {
    drop(writeln!(stdout().lock(), "{text}"));
}

/// A heading that says what is about to be done, before it is done.
pub(crate) fn step(text: impl Display) {
    drop(writeln!(stdout().lock(), "\n== {text}"));
}

/// Bytes of a child as they are, at once.
pub(crate) fn raw(bytes: &[u8]) {
    let mut out = stdout().lock();
    drop(out.write_all(bytes).and_then(|()| out.flush()));
}

/// An error with its causes, on stderr.
pub(crate) fn error(error: &dyn Error) {
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    drop(writeln!(stderr().lock(), "{text}"));
}
