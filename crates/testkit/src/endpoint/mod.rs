//! A real HTTP server on loopback that speaks OpenAI Chat Completions (streaming) and says what the test told it to.
//!
//! A test pushes [`Reply`]s; each `POST …/chat/completions` takes the next one. Replies can misbehave in every way that the
//! product must survive: refuse, be malformed, be cut at a byte, stall, hang up; and they can wait at a [`Gate`] until the
//! test opens it, so that something can be made to happen *during* the model call. Every request is recorded.
//!
//! Like the real thing it refuses (400) a conversation whose tool calls and results do not pair, and one that does not
//! ask for a stream. A refusal, a request that no reply was scripted for, and a failed assertion in a [`Reply::on_open`]
//! fail the test when the endpoint is dropped.
//!
//! **Limits.** HTTP/1.1 without TLS; the key may be anything that is not empty; no other path than `chat/completions`.
//!
//! ```
//! use latchwork_testkit::endpoint::{Endpoint, Reply};
//!
//! let endpoint = Endpoint::start();
//! endpoint.push(Reply::text("Hello.").usage(12, 3));
//! assert!(endpoint.base_url().starts_with("http://127.0.0.1:"));
//! assert!(endpoint.requests().is_empty());
//! ```

mod book;
mod chunk;
mod gate;
mod play;
mod reply;
mod rules;
mod serve;

#[cfg(test)]
mod tests;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

pub use book::{Ending, Request};
pub use gate::Gate;
pub use reply::{Reply, ToolCall};

use crate::deadline::eventually;
use book::Book;

/// A running endpoint; it ends when dropped, and open replies with it.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    book: Arc<Book>,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Starts one on a free port, with nothing scripted.
    ///
    /// # Panics
    /// When no port can be had.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let address = listener.local_addr().expect("its address");
        let book = Arc::new(Book::default());
        let (stop, stopped) = oneshot::channel();
        let for_server = Arc::clone(&book);
        let server = thread::spawn(move || serve::run(listener, for_server, stopped));
        Self {
            address,
            book,
            stop: Some(stop),
            server: Some(server),
        }
    }

    /// What to give a program as its base URL.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The next request that has no reply yet gets this one.
    pub fn push(&self, reply: Reply) {
        self.book.push(reply);
    }

    /// Requests beyond the pushed replies get what `answer` makes of them.
    pub fn otherwise(&self, answer: impl FnMut(&Request) -> Reply + Send + 'static) {
        self.book.set_otherwise(Box::new(answer));
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.book.requests()
    }

    /// Waits until `count` requests have arrived, and gives them all.
    ///
    /// # Panics
    /// When they do not.
    ///
    /// # Blocking
    /// Until they have.
    pub fn wait_requests(&self, count: usize) -> Vec<Request> {
        eventually(&format!("{count} requests at the endpoint"), || {
            Some(self.requests()).filter(|requests| requests.len() >= count)
        })
    }

    /// Waits until the reply to the request with this index is over, and says how it ended.
    ///
    /// # Panics
    /// When it does not end.
    ///
    /// # Blocking
    /// Until it has.
    pub fn wait_ending(&self, index: usize) -> Ending {
        eventually(&format!("the end of the reply to request {index}"), || {
            let ending = self.requests().get(index)?.ending;
            (ending != Ending::Open).then_some(ending)
        })
    }

    /// What went wrong so far that the test did not script; an empty list is what a test wants. Taken from the endpoint,
    /// it does not fail the test again when the endpoint is dropped.
    pub fn take_failures(&self) -> Vec<String> {
        self.book.take_failures()
    }

    /// Fails the test if a scripted reply was never asked for.
    ///
    /// # Panics
    /// Then.
    #[track_caller]
    pub fn assert_all_asked(&self) {
        let left = self.book.unasked();
        assert_eq!(left, 0, "{left} scripted replies were never asked for");
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(server) = self.server.take() {
            let _its_panic_is_in_the_output = server.join();
        }
        let failures = self.book.take_failures();
        if !thread::panicking() {
            assert!(
                failures.is_empty(),
                "at the endpoint: {}",
                failures.join("; ")
            );
        }
    }
}

/// A base URL at which nobody listens: connections are refused.
///
/// # Panics
/// When no port can be had.
pub fn refused_base_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
    let address = listener.local_addr().expect("its address");
    format!("http://{address}/v1")
}
