//! A page that is used: scrolled from end to end, slid, filtered, walked by keyboard. The driver is a script of the test's own, in a
//! page whose policy was taken out to let it in.

use latchwork_testkit::program::Home;
use serde_json::{Value, json};

use crate::browser;
use crate::hostile::entry;
use crate::page::without_policy;

const DRIVER: &str = include_str!("drive.js");

#[test]
fn scrolling_sliding_filters_and_keys_show_every_entry_in_order_and_few_at_a_time() {
    let Some(chromium) = browser::chromium() else {
        return;
    };
    let count = 600_usize;
    let mut text = format!(
        "{}\n",
        json!({ "type": "session", "version": 3, "id": "s", "timestamp": "", "cwd": "/" })
    );
    for n in 0..count {
        let role = if n % 2 == 0 { "user" } else { "assistant" };
        let words = format!("words of entry {n}\n").repeat(1 + n % 9);
        let parent = n.checked_sub(1).map(|n| n.to_string());
        let message = json!({ "message": { "role": role, "content": words } });
        text += &format!(
            "{}\n",
            entry("message", &n.to_string(), &json!(parent), message)
        );
    }
    let home = Home::new();
    home.write("s.jsonl", text);
    home.latchwork(["sessions", "export", "s.jsonl", "--out", "s.html"])
        .run()
        .expect_success();
    let page = std::fs::read_to_string(home.path("s.html")).unwrap();
    let driver = format!("<script>{DRIVER}</script>\n</body>");
    let driven = home.write(
        "driven.html",
        without_policy(&page).replace("</body>", &driver),
    );
    let seen = browser::open(chromium, &home, &driven, "");
    let told = seen
        .dom
        .split("data-driven=\"")
        .nth(1)
        .expect("the driver came to its end");
    let told = told
        .split('"')
        .next()
        .unwrap_or_default()
        .replace("&quot;", "\"");
    let told: Value = serde_json::from_str(&told).unwrap();
    let last = count - 1;
    for (step, place, end) in [
        ("down", "last", last),
        ("up", "first", 0),
        ("slid", "last", last),
    ] {
        let shown = &told[step];
        assert_eq!(shown[place], end, "{step}: {told:#}");
        assert!(
            shown["inOrder"] == true && shown["few"] == true,
            "{step}: {told:#}"
        );
    }
    assert_eq!(told["usersWhenFiltered"], 0);
    assert_eq!(told["here"], 1, "the second line of the tree, by keys");
}
