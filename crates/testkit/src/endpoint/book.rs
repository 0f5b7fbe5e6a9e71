//! What the test has scripted and what has been asked: the state that the test and the server share.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard};

use serde_json::Value;

use super::{Reply, rules};

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its place in the order of arrival, from 0.
    pub index: usize,
    /// The method, in capitals.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body; null when it was not JSON.
    pub body: Value,
    /// How the reply ended, as far as is known now.
    pub ending: Ending,
}

impl Request {
    /// The conversation that was sent.
    pub fn messages(&self) -> &[Value] {
        self.body["messages"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The texts of the messages of one role (`user`, `assistant`, `tool`, `system`), in order; parts are joined.
    pub fn texts_of(&self, role: &str) -> Vec<String> {
        self.messages()
            .iter()
            .filter(|message| message["role"] == role)
            .map(|message| match &message["content"] {
                Value::String(text) => text.clone(),
                Value::Array(parts) => parts
                    .iter()
                    .filter_map(|part| part["text"].as_str())
                    .collect(),
                _ => String::new(),
            })
            .collect()
    }

    /// The names of the tools that were offered.
    pub fn tool_names(&self) -> Vec<&str> {
        self.body["tools"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|tool| tool["function"]["name"].as_str())
            .collect()
    }
}

/// How a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It has not.
    Open,
    /// All of it was handed over.
    Complete,
    /// The script cut it off.
    Cut,
    /// The client closed the connection before all of it was handed over.
    ClientLeft,
}

pub(super) type Answer = Box<dyn FnMut(&Request) -> Reply + Send>;

/// Scripted replies, the record of requests, and what went wrong.
#[derive(Default)]
pub(super) struct Book(Mutex<Pages>);

#[derive(Default)]
struct Pages {
    scripted: VecDeque<Reply>,
    otherwise: Option<Answer>,
    requests: Vec<Request>,
    failures: Vec<String>,
}

impl Book {
    pub(super) fn push(&self, reply: Reply) {
        self.pages().scripted.push_back(reply);
    }

    pub(super) fn set_otherwise(&self, answer: Answer) {
        self.pages().otherwise = Some(answer);
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.pages().requests.clone()
    }

    pub(super) fn unasked(&self) -> usize {
        self.pages().scripted.len()
    }

    pub(super) fn take_failures(&self) -> Vec<String> {
        std::mem::take(&mut self.pages().failures)
    }

    pub(super) fn fail(&self, what: String) {
        self.pages().failures.push(what);
    }

    /// Records a request (its index is set here) and finds its reply.
    pub(super) fn open(&self, mut request: Request) -> (Request, Reply) {
        let mut pages = self.pages();
        request.index = pages.requests.len();
        pages.requests.push(request.clone());
        let reply = match rules::broken_by(&request) {
            Some(rule) => {
                pages
                    .failures
                    .push(format!("request {} was refused: {rule}", request.index));
                Reply::error(400, "invalid_request_error", &rule)
            }
            None => pages.answer(&request),
        };
        (request, reply)
    }

    pub(super) fn end(&self, index: usize, ending: Ending) {
        self.pages().requests[index].ending = ending;
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap()
    }
}

impl Pages {
    fn answer(&mut self, request: &Request) -> Reply {
        if let Some(reply) = self.scripted.pop_front() {
            return reply;
        }
        let index = request.index;
        let what = match &mut self.otherwise {
            None => format!("request {index} came, and no reply was scripted for it"),
            Some(otherwise) => match catch_unwind(AssertUnwindSafe(|| otherwise(request))) {
                Ok(reply) => return reply,
                Err(panic) => format!(
                    "the answer to request {index} failed: {}",
                    words_of(&*panic)
                ),
            },
        };
        self.failures.push(what.clone());
        Reply::error(500, "unscripted", &what)
    }
}

/// The message of a panic.
pub(super) fn words_of(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pages = self.pages();
        f.debug_struct("Book")
            .field("scripted", &pages.scripted.len())
            .field("requests", &pages.requests)
            .field("failures", &pages.failures)
            .finish_non_exhaustive()
    }
}
