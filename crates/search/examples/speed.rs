//! How fast sessions are searched: `cargo run --release -p latchwork-search --example speed [SESSIONS [KILOBYTES]]`.
//!
//! So many sessions of so many kilobytes each (1,000 of 100) are made in a temporary folder and indexed, searched with nothing changed, and
//! searched after one of them has grown. Beside each time stands what the same run needs to read all these bytes, looking for the word
//! in them: a ratio says more than a time of some machine.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example prints, and times what it does"
)]

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use latchwork_format::EntryId;
use latchwork_search::{Found, Heads, Query, Search, SearchError, Wanted};
use latchwork_sys::System;

struct Nobody;

impl Heads for Nobody {
    fn head(&mut self, _stem: &str) -> Option<Option<EntryId>> {
        None
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<usize>());
    let sessions = arguments.next().transpose()?.unwrap_or(1_000);
    let kilobytes = arguments.next().transpose()?.unwrap_or(100);
    let root = tempfile::tempdir()?;
    let folder = root.path().join("sessions");
    fs::create_dir(&folder)?;
    let mut bytes = 0;
    for number in 0..sessions {
        let text = session(number, kilobytes * 1_000);
        bytes += text.len();
        fs::write(folder.join(format!("s{number}.jsonl")), text)?;
    }
    println!("{sessions} sessions, {:.1} MB", bytes as f64 / 1e6);
    let (scan, _) = best(3, || scan(&folder))?;
    println!("look at every byte        {:>9.1} ms", ms(scan));
    let find = |query: &str| search(&folder, query);
    let (first, _) = best(1, || Ok(find("needle7")?))?;
    println!(
        "index all and search      {:>9.1} ms  {:>7.2} of it, {:.1} MB/s",
        ms(first),
        ratio(first, scan),
        bytes as f64 / 1e6 / first.as_secs_f64()
    );
    for (what, query) in [
        ("a rare word", "needle7"),
        ("nothing", "nowhere"),
        ("a word everywhere", "value"),
        ("a phrase", "\"let value\" filter"),
    ] {
        let (time, found) = best(5, || Ok(find(query)?))?;
        println!(
            "{what:<20} {:>4} h {:>9.1} ms  {:>7.3} of it",
            found.hits.len(),
            ms(time),
            ratio(time, scan)
        );
    }
    let mut grown = Vec::new();
    for number in 0..5 {
        let path = folder.join("s0.jsonl");
        let mut file = fs::OpenOptions::new().append(true).open(path)?;
        writeln!(
            file,
            "{}",
            message(&format!("new{number}"), "user", "something fresh")
        )?;
        grown.push(best(1, || Ok(find("fresh")?))?.0);
    }
    let grown = grown.into_iter().min().unwrap_or_default();
    println!(
        "one session has grown     {:>9.1} ms  {:>7.3} of it",
        ms(grown),
        ratio(grown, scan)
    );
    let index = fs::metadata(root.path().join("index/all.sqlite"))?.len();
    println!(
        "the index: {:.1} MB, {:.2} of the sessions",
        index as f64 / 1e6,
        index as f64 / bytes as f64
    );
    println!("most memory: {}", most_memory()?);
    Ok(())
}

fn search(folder: &Path, query: &str) -> Result<Found, SearchError> {
    let index = folder.with_file_name("index").join("all.sqlite");
    let query = Query::parse(query)
        .unwrap_or_else(|_| unreachable!("the queries of this example make sense"));
    let search = Search {
        system: &System::real(),
        folder,
        index: Some(&index),
        query: &query,
        wanted: &Wanted::default(),
        limit: 20,
        rebuild: false,
        stop: &|| false,
        watch: &mut |_| {},
    };
    search.run(&mut Nobody)
}

/// Reads all files and looks for a word, as `grep` would.
fn scan(folder: &Path) -> Result<usize, Box<dyn Error>> {
    let mut found = 0;
    for file in fs::read_dir(folder)? {
        let bytes = fs::read(file?.path())?;
        found += memchr::memmem::find_iter(&bytes, b"needle7").count();
    }
    Ok(found)
}

fn best<T>(
    times: usize,
    mut work: impl FnMut() -> Result<T, Box<dyn Error>>,
) -> Result<(Duration, T), Box<dyn Error>> {
    let mut shortest: Option<(Duration, T)> = None;
    for _ in 0..times {
        let begun = Instant::now();
        let done = work()?;
        let time = begun.elapsed();
        if shortest.as_ref().is_none_or(|(before, _)| time < *before) {
            shortest = Some((time, done));
        }
    }
    shortest.ok_or_else(|| "it was not run".into())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn ratio(time: Duration, of: Duration) -> f64 {
    time.as_secs_f64() / of.as_secs_f64()
}

/// The most memory that this process had, as Linux tells it.
fn most_memory() -> Result<String, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line.unwrap_or("not told").trim().to_owned())
}

fn message(id: &str, role: &str, text: &str) -> String {
    format!(
        r#"{{"type":"message","id":"{id}","parentId":null,"timestamp":"2026-01-01T00:00:00.000Z","message":{{"role":"{role}","content":"{text}"}}}}"#
    )
}

/// Words that differ from session to session, and output of tools.
fn session(number: usize, size: usize) -> String {
    let mut text = r#"{"type":"session","version":3,"id":"speed","timestamp":"2026-01-01T00:00:00.000Z","cwd":"/x"}"#.to_owned() + "\n";
    let mut entry = 0;
    while text.len() < size {
        let words: String = (0..60)
            .map(|word| format!("word{} ", (number * 31 + entry * 17 + word * word) % 5_000))
            .collect();
        let output = "   12 |     let value = map.get(key).filter(|v| v.len() < 9);\\n".repeat(12);
        text += &message(
            &format!("u{entry}"),
            "user",
            &format!("needle{number} {words}"),
        );
        text.push('\n');
        text += &message(&format!("t{entry}"), "toolResult", &output);
        text.push('\n');
        entry += 1;
    }
    text
}
