//! Whether a text answers a query, and the part of it that does: asked of FTS5 itself, in a table of one row in memory.
//!
//! So what is shown as a match is one by the very rules of the index. Limit: of a long text the part around the best match.

use rusqlite::{Connection, OptionalExtension as _};

use crate::Query;
use crate::schema::TOKENS;
use crate::told::Told;
use crate::words::{JOINT, MARKS, prepared};

/// How many words a snippet has.
const WORDS: usize = 24;

/// A part of a text around a match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snippet {
    /// The parts in order: what was looked for, and what stands around it. White space is one space.
    pub parts: Vec<SnippetPart>,
    /// Whether this is what the model thought, not what was said.
    pub thought: bool,
}

/// A part of a snippet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnippetPart {
    /// Its text, as the transcript has it: not harmless for a terminal.
    pub text: String,
    /// Whether it was looked for.
    pub matched: bool,
}

/// Makes snippets.
pub(crate) struct Snippets<'c> {
    connection: &'c Connection,
    expression: String,
}

impl<'c> Snippets<'c> {
    pub(crate) fn new(connection: &'c Connection, query: &Query) -> rusqlite::Result<Self> {
        connection.execute_batch(&format!(
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.shown USING fts5 (said, thought, {TOKENS});"
        ))?;
        Ok(Self {
            connection,
            expression: query.expression(),
        })
    }

    /// The part of a text that answers the query; `None` if none does.
    pub(crate) fn of(&self, told: &Told) -> rusqlite::Result<Option<Snippet>> {
        let put = "INSERT OR REPLACE INTO temp.shown (rowid, said, thought) VALUES (1, ?, ?)";
        let texts = [prepared(&told.said), prepared(&told.thought)];
        self.connection.prepare_cached(put)?.execute(texts)?;
        let [begin, end] = MARKS.map(u32::from);
        let ask = format!(
            "SELECT snippet(shown, 0, char({begin}), char({end}), '\u{2026}', {WORDS}),
                snippet(shown, 1, char({begin}), char({end}), '\u{2026}', {WORDS})
             FROM temp.shown WHERE shown MATCH ?"
        );
        let mut statement = self.connection.prepare_cached(&ask)?;
        let read =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let found = statement.query_row([&self.expression], read).optional()?;
        Ok(found.map(|(said, thought)| {
            let in_thought = !said.contains(MARKS[0]) && thought.contains(MARKS[0]);
            Snippet {
                parts: parts(if in_thought { &thought } else { &said }),
                thought: in_thought,
            }
        }))
    }
}

/// The text between the marks, without joints and with single spaces.
fn parts(marked: &str) -> Vec<SnippetPart> {
    let mut parts: Vec<SnippetPart> = Vec::new();
    let (mut matched, mut after_space) = (false, true);
    for c in marked.trim().chars().filter(|c| *c != JOINT) {
        if MARKS.contains(&c) {
            matched = c == MARKS[0];
            continue;
        }
        let is_space = c.is_whitespace();
        if is_space && after_space {
            continue;
        }
        after_space = is_space;
        let c = if is_space { ' ' } else { c };
        match parts.last_mut().filter(|last| last.matched == matched) {
            Some(last) => last.text.push(c),
            None => parts.push(SnippetPart {
                text: c.into(),
                matched,
            }),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{Snippets, Told};
    use crate::{Query, Voice};
    use rusqlite::Connection;

    fn snippet(query: &str, said: &str, thought: &str) -> Option<(String, bool)> {
        let connection = Connection::open_in_memory().unwrap();
        let query = Query::parse(query).unwrap();
        let told = Told {
            voice: Voice::User,
            time: None,
            said: said.into(),
            thought: thought.into(),
            never: false,
        };
        let found = Snippets::new(&connection, &query)
            .unwrap()
            .of(&told)
            .unwrap()?;
        let marked = found.parts.iter().map(|part| match part.matched {
            true => format!("[{}]", part.text),
            false => part.text.clone(),
        });
        Some((marked.collect(), found.thought))
    }

    #[test]
    fn a_match_is_marked_where_the_index_sees_it() {
        let marked = |query: &str, said: &str| snippet(query, said, "").map(|found| found.0);
        assert_eq!(
            marked("cafe", "Un  Café\n au lait"),
            Some("Un [Café] au lait".into())
        );
        assert_eq!(
            marked("本語", "これは日本語です"),
            Some("これは日[本語]です".into())
        );
        assert_eq!(marked("語日", "日本語"), None);
        assert_eq!(
            marked("학교", "나는 학교에서"),
            Some("나는 [학교]에서".into())
        );
        assert_eq!(
            marked("src/main*", "see src/main.rs"),
            Some("see [src/main].rs".into())
        );
        assert_eq!(marked("a -b", "a b"), None);
        assert_eq!(
            marked("x", "\u{2}x\u{3}\0y"),
            Some("\u{fffd}[x]\u{fffd}\u{fffd}y".into())
        );
    }

    #[test]
    fn what_was_thought_is_told_from_what_was_said() {
        assert_eq!(snippet("x", "x", "x").unwrap(), ("[x]".into(), false));
        assert_eq!(snippet("x", "y", "so x").unwrap(), ("so [x]".into(), true));
        assert_eq!(snippet("x y", "y", "x").unwrap(), ("[y]".into(), false));
    }

    #[test]
    fn a_long_text_is_shown_around_its_match() {
        let said = format!("{} needle {}", "a ".repeat(5_000), "b ".repeat(5_000));
        let (shown, _) = snippet("needle", &said, "").unwrap();
        assert!(shown.contains("[needle]") && shown.len() < 200, "{shown}");
    }
}
