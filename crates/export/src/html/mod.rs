//! One HTML page that holds a session and all that it takes to read it.
//!
//! The page is a frame of ours, the entries as inert data in blocks, an index of them, and one script that shows them as text.
//! Invariant: nothing of a session stands in the frame but the title, which is escaped; everything else is data ([`json`]).
//!
//! | file | idea |
//! |---|---|
//! | `json` | strings that can stand in a page |
//! | `entry` | one entry as data |
//! | `index` | what the page knows of every entry before it opens any |
//! | `policy` | what a browser may do with the page |

mod entry;
mod index;
mod json;
mod policy;

use std::fmt::Write as _;
use std::io;

use latchwork_format::Escaped;

use crate::chosen::{Chosen, Names, is_bridged};
use crate::options::{Options, Which};
use crate::source::{Counted, ExportError, Exported, Session, Source};
use crate::told::Teller;
use entry::push_entry;
use index::Index;
use json::Object;

/// A block of entries is closed when it has so many bytes: few enough to be opened at once, many enough to be few blocks.
const CHUNK_BYTES: usize = 256 << 10;
const STYLE: &str = include_str!("../page/page.css");
/// The page's code, in the order in which it is read.
const CODE: [&str; 8] = [
    include_str!("../page/data.js"),
    include_str!("../page/dom.js"),
    include_str!("../page/entry.js"),
    include_str!("../page/tree.js"),
    include_str!("../page/talk.js"),
    include_str!("../page/search.js"),
    include_str!("../page/chart.js"),
    include_str!("../page/main.js"),
];
const WITHOUT_SCRIPT: &str = "This page shows a session by a script of its own, and scripts are switched off here. It loads nothing \
     and sends nothing. The same session as Markdown: latchwork sessions export --format md.";

/// Writes the session as one HTML page.
///
/// # Errors
/// See [`ExportError`]; what was written is then no page.
///
/// # Blocking
/// As the source and the writer do.
pub fn html(
    session: &Session<'_>,
    source: &mut dyn Source,
    options: &Options<'_>,
    to: &mut dyn io::Write,
) -> Result<Exported, ExportError> {
    let chosen = Chosen::of(session, options.which)?;
    let names = Names::read(session.outline, source)?;
    let mut page = Page {
        to: Counted::new(to),
        teller: Teller { options },
        index: Index::default(),
        chunk: Vec::with_capacity(CHUNK_BYTES * 2),
        lost: 0,
    };
    let script = script();
    page.to
        .put(page.head(session, &names, &script).as_bytes())?;
    for (row, place) in chosen.rows.iter().zip(0..) {
        page.entry(session, source, *row, place)?;
    }
    page.end_chunk()?;
    page.last(session, &chosen, &names)?;
    page.to
        .put(format!("<script>{script}</script>\n</body>\n</html>\n").as_bytes())?;
    Ok(Exported {
        entries: chosen.rows.len() - page.lost,
        of: session.outline.len(),
        lost: page.lost,
        bytes: page.to.bytes,
    })
}

/// All of the code, as it stands in the page.
fn script() -> String {
    format!("\"use strict\";\n(() => {{\n{}}})();\n", CODE.concat())
}

struct Page<'a> {
    to: Counted<'a>,
    teller: Teller<'a>,
    index: Index,
    chunk: Vec<u8>,
    lost: usize,
}

impl Page<'_> {
    /// Everything before the data.
    fn head(&self, session: &Session<'_>, names: &Names, script: &str) -> String {
        let mut head =
            String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        // A string takes whatever is written.
        let _ = writeln!(
            head,
            "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">",
            policy::policy(script, STYLE)
        );
        head.push_str("<meta http-equiv=\"x-dns-prefetch-control\" content=\"off\">\n");
        head.push_str("<meta name=\"referrer\" content=\"no-referrer\">\n");
        head.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        let _ = writeln!(
            head,
            "<title>{}</title>",
            escape(&self.title(session, names))
        );
        let _ = writeln!(head, "<style>{STYLE}</style>\n</head>\n<body>");
        let _ = writeln!(
            head,
            "<noscript>{WITHOUT_SCRIPT}</noscript>\n<div id=\"page\"></div>"
        );
        head
    }

    fn title(&self, session: &Session<'_>, names: &Names) -> String {
        crate::title(session, names, self.teller.options)
    }

    fn entry(
        &mut self,
        session: &Session<'_>,
        source: &mut dyn Source,
        row: u32,
        place: u32,
    ) -> Result<(), ExportError> {
        if self.chunk.is_empty() {
            self.index.begin_chunk();
            self.chunk
                .extend_from_slice(b"<script type=\"application/json\" class=\"entries\">[");
        } else {
            self.chunk.push(b',');
        }
        debug_assert_eq!(
            self.index.next(),
            place,
            "the index has a row for each entry"
        );
        let before = self.chunk.len();
        let entry = source.entry(row).map_err(ExportError::Read)?;
        let told = match &entry {
            Some(entry) => self.teller.tell(entry),
            None => {
                self.lost += 1;
                crate::told::lost()
            }
        };
        push_entry(&mut self.chunk, &told);
        let bytes = self.chunk.len() - before;
        self.index
            .add(&told, bytes, is_bridged(session.outline, row));
        if self.chunk.len() >= CHUNK_BYTES {
            self.end_chunk()?;
        }
        Ok(())
    }

    fn end_chunk(&mut self) -> Result<(), ExportError> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        self.chunk.extend_from_slice(b"]</script>\n");
        self.to.put(&self.chunk)?;
        self.chunk.clear();
        // Room for one huge entry is not kept for all that follow.
        self.chunk.shrink_to(CHUNK_BYTES * 2);
        Ok(())
    }

    /// What is known of the session, and the index.
    fn last(
        &mut self,
        session: &Session<'_>,
        chosen: &Chosen,
        names: &Names,
    ) -> Result<(), ExportError> {
        let (options, header) = (self.teller.options, session.outline.header());
        let mut out = b"<script type=\"application/json\" id=\"index\">".to_vec();
        let mut object = Object::begin(&mut out);
        object.text("title", &self.title(session, names));
        if let Some(header) = header {
            object.text("session", &options.clean(header.id.as_str().into()));
            object.text("started", &options.clean(header.timestamp.as_str().into()));
            object.text("cwd", &options.clean(header.cwd.as_str().into()));
            let parent = header.parent_session.as_deref();
            object.text_if("parent", parent.map(|p| options.clean(p.into())).as_deref());
        }
        object.number("of", session.outline.len());
        object.number("damaged", session.outline.damage().len());
        object.number("lost", self.lost);
        object.flag("all", *options.which == Which::All);
        object.text("without", &crate::without(options));
        if let Some(leaf) = chosen.leaf {
            object.number("leaf", leaf);
        }
        if let Some(head) = chosen.head {
            object.number("head", head);
        }
        self.index
            .write(&mut object, chosen, &labels(chosen, names, options));
        object.end();
        out.extend_from_slice(b"</script>\n");
        self.to.put(&out)
    }
}

fn labels(chosen: &Chosen, names: &Names, options: &Options<'_>) -> Vec<(u32, String)> {
    let labelled = chosen.rows.iter().zip(0..).filter_map(|(row, place)| {
        let label = names.labels.get(row)?;
        Some((place, options.clean(label.as_str().into()).into_owned()))
    });
    labelled.collect()
}

/// Text for an element of the frame.
fn escape(text: &str) -> String {
    let harmless = Escaped(text).to_string();
    let mut out = String::with_capacity(harmless.len());
    for character in harmless.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
