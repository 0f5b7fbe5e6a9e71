//! Who waits for a latch can have its turn beside those who take it again and again.

use std::time::{Duration, Instant};

use latchwork_filelock::{Latches, Options};
use latchwork_lock::{Phase, Wait};
use latchwork_sys::System;

use crate::support::Room;

/// Far longer than it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whoever comes while another waits, and is quicker than that one, finds an old word, which is no news.
#[tokio::test]
async fn who_waits_says_so_again_so_that_those_who_came_later_hear_it_too() {
    let room = Room::new();
    let latches = || Latches::new(System::real(), Options::default());
    let (holder, waiter, site) = (latches(), latches(), room.site());
    let held = holder.latch(&site, Phase::SIDE, Wait::Forever).await;
    let held = held.unwrap();

    let bytes = || std::fs::read(room.sidecars().join("s.latch")).unwrap();
    let listener = async {
        let (silent, end) = (bytes(), Instant::now() + PATIENCE);
        let mut said = Vec::new();
        while said.len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(Instant::now() < end, "said {} times", said.len());
            let now = bytes();
            if now != silent && said.last() != Some(&now) {
                said.push(now);
            }
        }
        drop(held);
    };
    let waits = waiter.latch(&site, Phase::SIDE, Wait::Forever);
    let (granted, ()) = tokio::join!(waits, listener);
    granted.unwrap().release().await;
}
