//! The server: one thread, one runtime, connections on loopback.

use std::net::TcpListener;
use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request as HttpRequest, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::sync::oneshot;

use super::book::{Book, Ending, Request, words_of};
use super::play::{Cut, PlayedBody, Player};
use super::reply::{self, Callback, Reply};

/// Serves until `stopped` resolves; what is open then is dropped.
pub(super) fn run(listener: TcpListener, book: Arc<Book>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        tokio::select! {
            () = accept(listener, book) => {}
            _ = stopped => {}
        }
    });
    // A callback of the test may be in the middle of something; it must not keep the test from ending.
    runtime.shutdown_background();
}

async fn accept(listener: TcpListener, book: Arc<Book>) {
    listener
        .set_nonblocking(true)
        .expect("a non-blocking listener");
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener of the runtime");
    loop {
        let (connection, _) = listener.accept().await.expect("a connection");
        let book = Arc::clone(&book);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&book), request));
            // An error here is a client that left or a script that cut: both are in the book.
            let _ended = http1::Builder::new()
                .serve_connection(TokioIo::new(connection), service)
                .await;
        });
    }
}

async fn answer(
    book: Arc<Book>,
    request: HttpRequest<Incoming>,
) -> Result<Response<PlayedBody>, Cut> {
    let (request, mut reply) = book.open(read(request).await?);
    let mut left = LeftEarly {
        book: Arc::clone(&book),
        index: Some(request.index),
    };
    if let Some(check) = reply.on_open.take()
        && let Err(what) = run_check(check, &request).await
    {
        book.fail(what.clone());
        reply = Reply::error(500, "failed_check", &what);
    }
    if let Some(gate) = reply.gate.take() {
        gate.pass().await;
    }
    left.index = None;
    if matches!(reply.body, reply::Body::HangUp) {
        book.end(request.index, Ending::Cut);
        return Err(Cut);
    }
    Ok(respond(reply, request, book))
}

/// A client that leaves before there is an answer drops the service's future, and this with it.
struct LeftEarly {
    book: Arc<Book>,
    /// The request whose answer has not begun.
    index: Option<usize>,
}

impl Drop for LeftEarly {
    fn drop(&mut self) {
        if let Some(index) = self.index {
            self.book.end(index, Ending::ClientLeft);
        }
    }
}

async fn read(request: HttpRequest<Incoming>) -> Result<Request, Cut> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    Ok(Request {
        index: 0,
        method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: headers.collect(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        ending: Ending::Open,
    })
}

async fn run_check(check: Callback, request: &Request) -> Result<(), String> {
    let of_request = request.clone();
    let ran = tokio::task::spawn_blocking(move || check(&of_request)).await;
    ran.map_err(|ended| {
        let panic = ended.into_panic();
        format!(
            "the check of request {} failed: {}",
            request.index,
            words_of(&*panic)
        )
    })
}

/// The response; its body is played in a task of its own, which writes its ending into the book.
fn respond(reply: Reply, request: Request, book: Arc<Book>) -> Response<PlayedBody> {
    let (player, body) = Player::new(&reply);
    let mut response = Response::builder().status(reply.status);
    if matches!(reply.body, reply::Body::Stream(_)) {
        response = response.header("content-type", "text/event-stream");
    }
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    let response = response
        .body(body)
        .expect("a header that a test wrote well");
    tokio::spawn(async move {
        let ending = player.play(&request, reply.body).await;
        book.end(request.index, ending);
    });
    response
}
