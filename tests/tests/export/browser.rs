//! A real Chromium without a window, each time with a new profile: it opens a page, lets its timers run out, and gives what became of it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use latchwork_testkit::program::Home;

/// What it may be called.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];
/// How much of its own time a page may take, in milliseconds: timers are run ahead, so that this is no waiting.
const PAGE_TIME_MS: u32 = 20_000;

/// A page after its scripts ran.
pub(crate) struct Seen {
    /// The elements as they are then.
    pub(crate) dom: String,
    /// What the browser itself said, the page's console included.
    pub(crate) said: String,
}

/// The name of the browser; `None`, and a word on standard error, where there is none.
pub(crate) fn chromium() -> Option<&'static str> {
    static FOUND: OnceLock<Option<&str>> = OnceLock::new();
    let found = FOUND.get_or_init(|| NAMES.into_iter().find(|name| runs(name)));
    if found.is_none() {
        let _a_closed_stderr = writeln!(
            std::io::stderr(),
            "SKIPPED(browser): no Chromium is installed, so no exported page was opened"
        );
    }
    *found
}

fn runs(name: &str) -> bool {
    let version = Command::new(name)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    version.is_ok_and(|status| status.success())
}

/// Opens the page with this fragment behind its address.
pub(crate) fn open(chromium: &str, home: &Home, page: &Path, fragment: &str) -> Seen {
    let profile = tempfile::tempdir_in(home.cwd()).unwrap();
    let done = home
        .program(
            chromium,
            [
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--enable-logging=stderr",
                "--v=0",
                "--window-size=1300,900",
                "--dump-dom",
            ],
        )
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--virtual-time-budget={PAGE_TIME_MS}"))
        .arg(format!("file://{}{fragment}", page.display()))
        .run()
        .expect_success();
    Seen {
        dom: done.stdout,
        said: done.stderr,
    }
}

impl Seen {
    /// Everything but the data and the code: what a person is shown.
    pub(crate) fn shown(&self) -> &str {
        let begin = self
            .dom
            .find("<div id=\"page\">")
            .expect("the page's own place");
        let rest = &self.dom[begin..];
        &rest[..rest.find("<script").unwrap_or(rest.len())]
    }

    /// The values of this attribute of the elements that are shown. In texts no `<` stands as it is.
    pub(crate) fn values(&self, attribute: &str) -> Vec<&str> {
        let begin = format!(" {attribute}=\"");
        let tags = self
            .shown()
            .split('<')
            .filter_map(|piece| piece.split('>').next());
        let values = tags.filter_map(|tag| tag.split(begin.as_str()).nth(1)?.split('"').next());
        values.collect()
    }

    /// Whether the page's own script ran to its end, and the policy stopped nothing.
    #[track_caller]
    pub(crate) fn assert_sound(&self) {
        let root = self.dom.split("<head>").next().unwrap_or_default();
        assert!(
            root.contains("data-ready=\"true\""),
            "the page's script did not run: {root}\n{}",
            self.said
        );
        assert!(
            !root.contains("data-stopped"),
            "the policy stopped something: {root}"
        );
        let console: Vec<&str> = self
            .said
            .lines()
            .filter(|line| line.contains("CONSOLE"))
            .collect();
        assert!(console.is_empty(), "{console:#?}");
    }
}
