//! A server that says exactly what it is told, byte by byte, over real sockets.

use std::sync::Arc;

use latchwork_models::{OpenAi, OpenAiOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};

/// One step of an answer.
#[derive(Clone, Debug)]
pub(crate) enum Do {
    /// Send these bytes at once.
    Send(Vec<u8>),
    /// Send these bytes one by one.
    Trickle(Vec<u8>),
    /// Say nothing until the other side closes the connection, then report it.
    AwaitClose,
}

/// What the server saw.
#[derive(Debug)]
pub(crate) enum Seen {
    /// A request: its head in lower case, and its body.
    Request(String, serde_json::Value),
    /// The other side closed the connection while the server waited for that.
    Closed,
}

/// A server on loopback. Every connection gets one answer and is then closed.
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Mutex<mpsc::UnboundedReceiver<Seen>>,
}

impl Server {
    /// A server that answers each request as `answer` says.
    pub(crate) async fn start(answer: impl Fn() -> Vec<Do> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (report, seen) = mpsc::unbounded_channel();
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // A client that goes away midway is part of the tests.
                let (answer, report) = (Arc::clone(&answer), report.clone());
                tokio::spawn(async move { drop(serve(socket, answer(), report).await) });
            }
        });
        Self {
            port,
            seen: Mutex::new(seen),
        }
    }

    pub(crate) async fn saying(bytes: impl Into<Vec<u8>>) -> Self {
        let steps = vec![Do::Send(bytes.into())];
        Self::start(move || steps.clone()).await
    }

    /// Settings that lead here.
    pub(crate) fn options(&self) -> OpenAiOptions {
        OpenAiOptions::at("local", format!("http://127.0.0.1:{}/v1", self.port))
    }

    pub(crate) fn provider(&self) -> OpenAi {
        OpenAi::new(self.options()).unwrap()
    }

    /// What the server saw next.
    pub(crate) async fn saw(&self) -> Seen {
        self.seen.lock().await.recv().await.unwrap()
    }

    pub(crate) async fn saw_nothing(&self) -> bool {
        self.seen.lock().await.try_recv().is_err()
    }
}

async fn serve(
    mut socket: TcpStream,
    steps: Vec<Do>,
    report: mpsc::UnboundedSender<Seen>,
) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let (head, body) = read_request(&mut socket).await?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let _ = report.send(Seen::Request(head, body));
    for step in steps {
        match step {
            Do::Send(bytes) => socket.write_all(&bytes).await?,
            Do::Trickle(bytes) => {
                for byte in bytes {
                    socket.write_all(&[byte]).await?;
                    tokio::task::yield_now().await;
                }
            }
            Do::AwaitClose => {
                let mut rest = [0; 64];
                while matches!(socket.read(&mut rest).await, Ok(1..)) {}
                let _ = report.send(Seen::Closed);
            }
        }
    }
    socket.shutdown().await
}

async fn read_request(socket: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            let mut body = bytes.split_off(end + 4);
            let have = body.len();
            body.resize(length, 0);
            socket.read_exact(&mut body[have..]).await?;
            return Ok((head, body));
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// An answer that ends when the connection does.
pub(crate) fn until_close(status: &str, fields: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{fields}connection: close\r\n\r\n{body}").into_bytes()
}

/// An answer whose length is known beforehand, so that a cut is seen by the transport.
pub(crate) fn with_length(status: &str, fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{fields}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The head of a stream of events.
pub(crate) const EVENTS: &str = "content-type: text/event-stream\r\n";

/// A stream of these events.
pub(crate) fn events(chunks: &[serde_json::Value]) -> String {
    chunks
        .iter()
        .map(|chunk| format!("data: {chunk}\n\n"))
        .collect()
}
