//! A session as Markdown: one branch after the other, each entry under a heading.
//!
//! Invariants: what the session says cannot end a fence of ours, pass for one of our headings, or act ([`words`]); the only HTML is
//! our own `<details>` around reasoning.
//!
//! | file | idea |
//! |---|---|
//! | `words` | words of the session that stay theirs |
//! | `entry` | one entry |

mod entry;
mod words;

use std::io;

use latchwork_format::Usage;

use crate::chosen::{Chosen, NONE, Names, is_bridged};
use crate::options::{Options, Which};
use crate::source::{Counted, ExportError, Exported, Session, Source};
use crate::told::Teller;
use entry::{push_entry, push_gap};
use words::inline;

/// Writes the session as Markdown.
///
/// # Errors
/// See [`ExportError`]; what was written is then cut off.
///
/// # Blocking
/// As the source and the writer do.
pub fn markdown(
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
        names: &names,
        total: Usage::default(),
        cost: 0.0,
        lost: 0,
    };
    page.put(&front(session, &chosen, &names, options))?;
    let written = page.branches(session, source, &chosen)?;
    page.put(&page.totals())?;
    Ok(Exported {
        entries: written - page.lost,
        of: session.outline.len(),
        lost: page.lost,
        bytes: page.to.bytes,
    })
}

struct Page<'a> {
    to: Counted<'a>,
    teller: Teller<'a>,
    names: &'a Names,
    total: Usage,
    cost: f64,
    lost: usize,
}

impl Page<'_> {
    fn put(&mut self, text: &str) -> Result<(), ExportError> {
        self.to.put(text.as_bytes())
    }

    /// The branch that is shown, then what each other branch has beyond those before it; gives how many entries that is.
    fn branches(
        &mut self,
        session: &Session<'_>,
        source: &mut dyn Source,
        chosen: &Chosen,
    ) -> Result<usize, ExportError> {
        let mut is_written = vec![false; chosen.rows.len()];
        let mut written = self.entries(
            session,
            source,
            chosen,
            &chosen.path(chosen.leaf),
            &mut is_written,
        )?;
        for leaf in chosen.other_leaves() {
            let path = chosen.path(Some(leaf));
            let known = path
                .iter()
                .take_while(|at| is_written.get(**at as usize) == Some(&true))
                .count();
            let rest = path.get(known..).unwrap_or_default();
            let from = known.checked_sub(1).and_then(|last| path.get(last));
            self.put(&self.branch_heading(session, chosen, from.copied(), leaf))?;
            written += self.entries(session, source, chosen, rest, &mut is_written)?;
        }
        Ok(written)
    }

    fn entries(
        &mut self,
        session: &Session<'_>,
        source: &mut dyn Source,
        chosen: &Chosen,
        path: &[u32],
        is_written: &mut [bool],
    ) -> Result<usize, ExportError> {
        for place in path {
            if let (Some(row), Some(is)) = (
                chosen.rows.get(*place as usize),
                is_written.get_mut(*place as usize),
            ) {
                *is = true;
                self.entry(session, source, *row)?;
            }
        }
        Ok(path.len())
    }

    fn entry(
        &mut self,
        session: &Session<'_>,
        source: &mut dyn Source,
        row: u32,
    ) -> Result<(), ExportError> {
        let mut out = String::new();
        if is_bridged(session.outline, row) {
            push_gap(&mut out);
        }
        let entry = source.entry(row).map_err(ExportError::Read)?;
        let told = match &entry {
            Some(entry) => self.teller.tell(entry),
            None => {
                self.lost += 1;
                crate::told::lost()
            }
        };
        self.add(told.usage);
        let label = self.names.labels.get(&row).map(String::as_str);
        let label = label.map(|label| self.teller.options.clean(label.into()));
        push_entry(&mut out, &told, label.as_deref());
        self.put(&out)
    }

    fn add(&mut self, usage: Option<Usage>) {
        let Some(usage) = usage else { return };
        let total = &mut self.total;
        for (sum, more) in [
            (&mut total.input, usage.input),
            (&mut total.output, usage.output),
            (&mut total.cache_read, usage.cache_read),
            (&mut total.cache_write, usage.cache_write),
        ] {
            *sum = sum.saturating_add(more);
        }
        self.cost += usage.cost_total.unwrap_or_default();
    }

    fn branch_heading(
        &self,
        session: &Session<'_>,
        chosen: &Chosen,
        from: Option<u32>,
        leaf: u32,
    ) -> String {
        let id = |place: u32| {
            let row = chosen.rows.get(place as usize).copied().unwrap_or(NONE);
            let id = session
                .outline
                .id(row)
                .map(|id| id.to_string())
                .unwrap_or_default();
            inline(&self.teller.options.clean(id.into()))
        };
        let from = from.map_or_else(
            || "begins anew".to_owned(),
            |from| format!("leaves at entry {}", id(from)),
        );
        format!("# Branch that {from} and ends at {}\n\n", id(leaf))
    }

    fn totals(&self) -> String {
        let usage = Usage {
            cost_total: Some(self.cost).filter(|cost| *cost > 0.0),
            ..self.total
        };
        if usage == Usage::default() {
            return String::new();
        }
        format!("---\n\n*In all: {}*\n", entry::usage(&usage))
    }
}

/// What there is to know of the session before its words.
fn front(session: &Session<'_>, chosen: &Chosen, names: &Names, options: &Options<'_>) -> String {
    let mut front = format!("# {}\n\n", inline(&crate::title(session, names, options)));
    let mut fact = |what: &str, text: &str| {
        if !text.is_empty() {
            front.push_str(&format!(
                "- {what}: {}\n",
                inline(&options.clean(text.into()))
            ));
        }
    };
    if let Some(header) = session.outline.header() {
        fact("session", &header.id);
        fact("began", &header.timestamp);
        fact("in", &header.cwd);
        fact(
            "forked from",
            header.parent_session.as_deref().unwrap_or_default(),
        );
    }
    let (entries, of) = (chosen.rows.len(), session.outline.len());
    let branches = if *options.which == Which::All {
        "all branches"
    } else {
        "one branch"
    };
    fact("entries", &format!("{entries} of {of} ({branches})"));
    fact("left out", &crate::without(options));
    let damaged = session.outline.damage().len();
    if damaged > 0 {
        fact("lines that cannot be read", &damaged.to_string());
    }
    front.push('\n');
    front
}
