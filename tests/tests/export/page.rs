//! Hostile content in an exported page: nothing of it runs and nothing leaves. And that this test would see it, if it did.

use std::path::PathBuf;

use latchwork_testkit::program::Home;

use crate::browser::{self, Seen};
use crate::hostile;
use crate::listener::Listener;

struct Stage {
    home: Home,
    chromium: &'static str,
    listener: Listener,
    page: PathBuf,
}

impl Stage {
    /// The hostile session, exported with these flags.
    fn new(chromium: &'static str, flags: &[&str]) -> Self {
        Self::with(chromium, flags, |texts| texts)
    }

    /// A session of some of the hostile texts, exported with these flags.
    fn with(
        chromium: &'static str,
        flags: &[&str],
        some: impl Fn(Vec<String>) -> Vec<String>,
    ) -> Self {
        let (home, listener) = (Home::new(), Listener::new());
        let texts = some(hostile::texts(listener.port()));
        home.write("hostile.jsonl", hostile::session(&texts));
        let command = ["sessions", "export", "hostile.jsonl", "--out", "page.html"];
        home.latchwork([&command[..], flags].concat())
            .run()
            .expect_success();
        Self {
            page: home.path("page.html"),
            home,
            chromium,
            listener,
        }
    }

    fn open(&self, fragment: &str) -> Seen {
        browser::open(self.chromium, &self.home, &self.page, fragment)
    }

    /// The page with something taken out of what keeps it harmless.
    fn weakened(&self, change: impl Fn(String) -> String) -> Seen {
        let weak = change(std::fs::read_to_string(&self.page).unwrap());
        let path = self.home.write("weak.html", weak);
        browser::open(self.chromium, &self.home, &path, "")
    }
}

fn has_sung(seen: &Seen) -> bool {
    let head = seen
        .dom
        .split("<div id=\"page\">")
        .next()
        .unwrap_or_default();
    let root = head.split("<head>").next().unwrap_or_default();
    root.contains("data-sung") || head.contains("<title>sung")
}

/// A page without its policy.
pub(crate) fn without_policy(page: &str) -> String {
    let begin = page
        .find("<meta http-equiv=\"Content-Security-Policy\"")
        .unwrap();
    let end = begin + page[begin..].find(">\n").unwrap() + 2;
    page[..begin].to_owned() + &page[end..]
}

#[test]
fn nothing_of_a_hostile_session_runs_or_leaves_and_the_page_keeps_its_own_policy() {
    let Some(chromium) = browser::chromium() else {
        return;
    };
    for flags in [
        &["--all-branches"][..],
        &["--title", "</title><script>document.title='sung'</script>"],
    ] {
        let stage = Stage::new(chromium, flags);
        // Each fragment shows other parts of the session: the beginning, what is searched for (everything unfolded), one entry.
        for fragment in ["", "#q=script", "#q=%E2%80%AE", "#e=13-1", "#charts"] {
            let seen = stage.open(fragment);
            seen.assert_sound();
            assert!(!has_sung(&seen), "a canary sang: {fragment}");
            let shown = seen.shown();
            for tag in [
                "<script",
                "<iframe",
                "<link",
                "<form",
                "<svg onload",
                "<base",
                "<meta",
                "<style",
            ] {
                assert!(!shown.contains(tag), "{tag} in what is shown: {fragment}");
            }
            let addresses = seen.values("href");
            assert!(
                addresses
                    .iter()
                    .all(|href| href.starts_with("http://127.0.0.1:")),
                "{addresses:?}"
            );
            assert!(
                seen.values("src").is_empty(),
                "no image of the session is a picture"
            );
        }
        assert_eq!(stage.listener.visits(), 0, "nothing was asked for");
    }
}

#[test]
fn a_page_without_its_walls_is_seen_to_run_what_it_holds() {
    let Some(chromium) = browser::chromium() else {
        return;
    };
    // The script, and the picture that is fetched; not what leads away from the page.
    let stage = Stage::with(chromium, &["--all-branches"], |texts| {
        [0, 4, 0, 4].map(|n| texts[n].clone()).to_vec()
    });
    // Without `<` escaped and without the policy: the canary sings, and the port is asked.
    let bare = stage.weakened(|page| {
        without_policy(&page)
            .replace("\\u003c", "<")
            .replace("\\\"", "\"")
    });
    assert!(has_sung(&bare), "the canary can sing");
    assert!(stage.listener.visits() > 0, "the port hears");
    // With the policy alone, nothing runs, and the page does not either: its data ends early.
    let escaped = stage.weakened(|page| page.replace("\\u003c", "<").replace("\\\"", "\""));
    assert!(!has_sung(&escaped), "the policy holds alone");
    assert!(!escaped.dom.contains("data-ready=\"true\""));
    assert_eq!(stage.listener.visits(), 0, "the policy holds alone");
    // With a hash that is not the script's, the page's own script is stopped.
    let script =
        stage.weakened(|page| page.replacen("script-src 'sha256-", "script-src 'sha256-A", 1));
    assert!(!script.dom.contains("data-ready=\"true\""));
    assert!(
        script.said.contains("Content Security Policy"),
        "{}",
        script.said
    );
}
