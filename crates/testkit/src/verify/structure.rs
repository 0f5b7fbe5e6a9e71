//! The lines of a file, each held against what must be true of it and of those before it.

use std::collections::HashSet;

use serde_json::Value;

use super::Report;

/// Reads the lines of a file.
pub(super) fn read(bytes: &[u8]) -> Report {
    let mut reading = Reading {
        report: Report {
            header: Value::Null,
            entries: Vec::new(),
            problems: Vec::new(),
        },
        ids: HashSet::new(),
    };
    reading.lines(bytes);
    reading.report
}

/// A report that grows, and the ids that it has met.
struct Reading {
    report: Report,
    ids: HashSet<String>,
}

impl Reading {
    fn lines(&mut self, bytes: &[u8]) {
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            // Blanked bytes are spaces; nothing else counts as blank.
            if line.iter().all(|byte| *byte == b' ') {
                continue;
            }
            match serde_json::from_slice::<Value>(line) {
                Ok(value) => self.take(index + 1, value),
                Err(error) => self.problem(index + 1, &format!("does not parse: {error}")),
            }
        }
        if self.report.header.is_null() {
            self.report
                .problems
                .push(String::from("there is no header"));
        }
        if bytes.last().is_some_and(|byte| *byte != b'\n') {
            self.report
                .problems
                .push(String::from("the last line has no newline"));
        }
    }

    fn take(&mut self, line: usize, value: Value) {
        if value["type"] == "session" {
            self.take_header(line, value);
            return;
        }
        if self.report.header.is_null() {
            self.problem(line, "stands before the header");
        }
        if !value["type"].is_string() {
            self.problem(line, "has no type");
        }
        match &value["parentId"] {
            Value::Null if value.get("parentId").is_some() => {}
            Value::String(parent) if self.ids.contains(parent) => {}
            other => self.problem(
                line,
                &format!("has the parent {other}, which is no earlier entry"),
            ),
        }
        match value["id"].as_str() {
            Some(id) if self.ids.insert(id.to_owned()) => {}
            Some(id) => self.problem(line, &format!("has the id {id} of an earlier entry")),
            None => self.problem(line, "has no id"),
        }
        self.report.entries.push(value);
    }

    fn take_header(&mut self, line: usize, value: Value) {
        if !self.report.header.is_null() {
            self.problem(line, "is a second header");
            return;
        }
        if value["version"] != 3 || !value["id"].is_string() {
            self.problem(line, &format!("is no version 3 header: {value}"));
        }
        self.report.header = value;
    }

    fn problem(&mut self, line: usize, what: &str) {
        self.report.problems.push(format!("line {line} {what}"));
    }
}
