//! A port on loopback that counts who comes, and lets everybody go at once.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

pub(crate) struct Listener {
    at: SocketAddr,
    visits: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

/// How many visits end the thread: more than any page makes.
const ENOUGH: usize = 1 << 40;

impl Listener {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let at = listener.local_addr().unwrap();
        let visits = Arc::<AtomicUsize>::default();
        let counted = visits.clone();
        let thread = std::thread::spawn(move || {
            for visitor in listener.incoming() {
                drop(visitor);
                if counted.fetch_add(1, Ordering::SeqCst) >= ENOUGH {
                    return;
                }
            }
        });
        Self {
            at,
            visits,
            thread: Some(thread),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.at.port()
    }

    /// How many have come since this was asked last. A visitor that has come is counted before the one that is sent here.
    pub(crate) fn visits(&self) -> usize {
        let before = self.visits.load(Ordering::SeqCst);
        drop(TcpStream::connect(self.at).unwrap());
        while self.visits.load(Ordering::SeqCst) == before {
            std::thread::yield_now();
        }
        // The one of our own is among them, and those that came before it.
        self.visits.swap(0, Ordering::SeqCst) - 1
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.visits.store(ENOUGH, Ordering::SeqCst);
        let sent = TcpStream::connect(self.at).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| sent) {
            let _ended = thread.join();
        }
    }
}
