//! What is looked for, as it is typed, made into an expression of FTS5 in which everything typed is quoted.
//!
//! ```text
//! query  = part { part }           every part must be there
//! part   = term { "OR" term }      one of the terms must be there
//!        | "-" term                it must not be there
//! term   = word | word "*" | '"' words in this order '"' [ "*" ]
//! ```
//!
//! Invariant: any text gives a query or an error with a place, and no query makes FTS5 fail. Deliberately absent: parentheses, NEAR and
//! columns; their signs are signs like any other.

use std::fmt::Write as _;

use crate::words;

/// The longest query, in characters.
const CHARS_MAX: usize = 4_096;
/// The most terms in a query.
const TERMS_MAX: usize = 64;

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// All of these must be there, of each any one.
    parts: Vec<Vec<Term>>,
    /// None of these may be there.
    without: Vec<Term>,
}

/// A word, or words in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    text: String,
    /// The last word is a beginning.
    prefix: bool,
}

/// A query that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the query makes no sense at character {at}: {why}")]
pub struct QueryError {
    /// Which character, counted from 1.
    pub at: usize,
    /// What is wrong.
    pub why: QueryFault,
}

/// What is wrong with a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryFault {
    /// Nothing that must be there.
    #[error("it names no word to look for")]
    Nothing,
    /// A quotation without an end.
    #[error("the quotation that begins here has no end")]
    OpenQuote,
    /// No letter and no digit.
    #[error("there is no letter and no digit to look for")]
    NoWord,
    /// `OR` without a term on one of its sides.
    #[error("OR needs a word on each side")]
    LoneOr,
    /// `-a OR b`.
    #[error("what must not be there (-) cannot stand beside OR")]
    WithoutOr,
    /// Too long, or too many terms.
    #[error(
        "it is too long; {CHARS_MAX} characters and {TERMS_MAX} words or quotations are the most"
    )]
    TooLong,
}

/// A piece of a query.
enum Piece {
    Or,
    Term { term: Term, without: bool },
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// [`QueryError`] with the place.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let mut reader = Reader {
            chars: text.chars().collect(),
            at: 0,
        };
        if reader.chars.len() > CHARS_MAX {
            return Err(fault(CHARS_MAX, QueryFault::TooLong));
        }
        let mut query = Query {
            parts: Vec::new(),
            without: Vec::new(),
        };
        // Where an OR stands that has no right side yet, and whether what stood last was left out.
        let (mut or, mut after_without, mut terms) = (None, false, 0);
        while let Some((at, piece)) = reader.next()? {
            terms += 1;
            if terms > TERMS_MAX {
                return Err(fault(at, QueryFault::TooLong));
            }
            match piece {
                Piece::Or if after_without => return Err(fault(at, QueryFault::WithoutOr)),
                Piece::Or if or.is_some() || query.parts.is_empty() => {
                    return Err(fault(at, QueryFault::LoneOr));
                }
                Piece::Or => or = Some(at),
                Piece::Term { without: true, .. } if or.is_some() => {
                    return Err(fault(at, QueryFault::WithoutOr));
                }
                Piece::Term { term, without } => {
                    after_without = without;
                    match (without, or.take(), query.parts.last_mut()) {
                        (true, ..) => query.without.push(term),
                        (false, Some(_), Some(part)) => part.push(term),
                        (false, ..) => query.parts.push(vec![term]),
                    }
                }
            }
        }
        match or {
            Some(at) => Err(fault(at, QueryFault::LoneOr)),
            None if query.parts.is_empty() => Err(fault(0, QueryFault::Nothing)),
            None => Ok(query),
        }
    }

    /// As FTS5 reads it.
    pub(crate) fn expression(&self) -> String {
        let parts: Vec<String> = self.parts.iter().map(|part| any_of(part)).collect();
        let wanted = parts.join(" AND ");
        if self.without.is_empty() {
            return wanted;
        }
        format!("({wanted}) NOT {}", any_of(&self.without))
    }
}

fn any_of(terms: &[Term]) -> String {
    let mut words = String::from("(");
    for (number, term) in terms.iter().enumerate() {
        let or = if number > 0 { " OR " } else { "" };
        let star = if term.prefix { " *" } else { "" };
        // Writing to a text cannot fail.
        let _ = write!(words, "{or}\"{}\"{star}", term.text.replace('"', "\"\""));
    }
    words.push(')');
    words
}

fn fault(at: usize, why: QueryFault) -> QueryError {
    QueryError { at: at + 1, why }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    /// The characters from here to the first that is an end.
    fn until(&mut self, is_end: impl Fn(char) -> bool) -> String {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let taken: String = rest.iter().take_while(|c| !is_end(**c)).collect();
        self.at += taken.chars().count();
        taken
    }

    /// The next piece and where it begins.
    fn next(&mut self) -> Result<Option<(usize, Piece)>, QueryError> {
        self.until(|c| !c.is_whitespace());
        let begin = self.at;
        if self.peek().is_none() {
            return Ok(None);
        }
        let without = self.eat('-');
        let (text, prefix) = if self.eat('"') {
            let text = self.until(|c| c == '"');
            if !self.eat('"') {
                return Err(fault(begin, QueryFault::OpenQuote));
            }
            (text, self.eat('*'))
        } else {
            let text = self.until(|c| c.is_whitespace() || c == '"');
            if text == "OR" && !without {
                return Ok(Some((begin, Piece::Or)));
            }
            let word = text.trim_end_matches('*');
            (word.to_owned(), word.len() < text.len())
        };
        if !text.chars().any(char::is_alphanumeric) {
            return Err(fault(begin, QueryFault::NoWord));
        }
        let term = Term {
            text: words::prepared(&text),
            prefix,
        };
        Ok(Some((begin, Piece::Term { term, without })))
    }
}

#[cfg(test)]
mod tests {
    use super::{Query, QueryFault};
    use proptest::prelude::*;
    use rusqlite::Connection;

    fn expression(text: &str) -> String {
        Query::parse(text).unwrap().expression()
    }

    fn refused(text: &str) -> (usize, QueryFault) {
        let error = Query::parse(text).unwrap_err();
        (error.at, error.why)
    }

    #[test]
    fn words_are_all_wanted_or_binds_tighter_and_what_is_left_out_comes_last() {
        assert_eq!(expression("a b"), r#"("a") AND ("b")"#);
        assert_eq!(
            expression(r#"a b OR "c d" -e* x"#),
            r#"(("a") AND ("b" OR "c d") AND ("x")) NOT ("e" *)"#
        );
        assert_eq!(
            expression("a AND (b) near"),
            r#"("a") AND ("AND") AND ("(b)") AND ("near")"#
        );
        assert_eq!(expression("日本*"), "(\"日\u{1f}本\" *)");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        assert_eq!(refused(""), (1, QueryFault::Nothing));
        assert_eq!(refused("-a"), (1, QueryFault::Nothing));
        assert_eq!(refused("ab \"cd"), (4, QueryFault::OpenQuote));
        assert_eq!(refused("é !!"), (3, QueryFault::NoWord));
        assert_eq!(refused("a -"), (3, QueryFault::NoWord));
        assert_eq!(refused("a OR"), (3, QueryFault::LoneOr));
        assert_eq!(refused("OR a"), (1, QueryFault::LoneOr));
        assert_eq!(refused("a OR OR b"), (6, QueryFault::LoneOr));
        assert_eq!(refused("a -b OR c"), (6, QueryFault::WithoutOr));
        assert_eq!(refused("a OR -b"), (6, QueryFault::WithoutOr));
        assert_eq!(refused(&"a ".repeat(65)).1, QueryFault::TooLong);
        assert_eq!(refused(&"a".repeat(5_000)).1, QueryFault::TooLong);
    }

    fn table() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        let make = format!(
            "CREATE VIRTUAL TABLE t USING fts5(said, thought, {})",
            crate::schema::TOKENS
        );
        connection.execute_batch(&make).unwrap();
        let put = "INSERT INTO t VALUES ('a b c OR NEAR é 日本 x', 'and')";
        connection.execute_batch(put).unwrap();
        connection
    }

    fn asked(connection: &Connection, text: &str) -> Result<(), String> {
        let Ok(query) = Query::parse(text) else {
            return Ok(());
        };
        let count: Result<i64, _> = connection.query_row(
            "SELECT count(*) FROM t WHERE t MATCH ?",
            [query.expression()],
            |row| row.get(0),
        );
        count.map(|_| ()).map_err(|error| error.to_string())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn no_text_makes_the_index_fail(texts in proptest::collection::vec(
            prop_oneof![any::<String>(), "[-\"*()a-cOR{}:^+,.\u{0}\u{1f}\u{301}\u{e31}日é ]{0,40}", "(a|-b|\"|OR|NEAR|NOT|AND|\\*| |said:|\\{|\\(){0,12}"],
            1..8,
        )) {
            let connection = table();
            for text in &texts {
                prop_assert_eq!(asked(&connection, text), Ok(()), "{:?}", text);
            }
        }
    }
}
