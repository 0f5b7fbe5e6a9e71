//! The standing instructions that a session holds: its system messages, folded in order.
//!
//! pi 0.87 writes them: text adds up, sections are set, replaced and removed by name. Tools stand there too,
//! but which tools there are is for whoever offers them.

use crate::json::Raw;
use crate::message::MessageView;

#[derive(Debug, Default)]
pub(super) struct System {
    texts: Vec<String>,
    sections: Vec<(String, String)>,
}

impl System {
    pub(super) fn fold(&mut self, message: &MessageView<'_>) {
        let text = message.text();
        if !text.trim().is_empty() {
            self.texts.push(text);
        }
        let Some(sections) = message.fields().get("sections").and_then(Raw::fields) else {
            return;
        };
        for (name, section) in sections.effective() {
            self.set(name, section);
        }
    }

    fn set(&mut self, name: &str, section: Raw<'_>) {
        let known = self.sections.iter().position(|(known, _)| known == name);
        match (section.as_str(), known) {
            (Some(text), Some(place)) => self.sections[place].1 = text.into_owned(),
            (Some(text), None) => self.sections.push((name.to_owned(), text.into_owned())),
            (None, Some(place)) => drop(self.sections.remove(place)),
            (None, None) => {}
        }
    }

    pub(super) fn finish(self) -> Option<String> {
        let sections = self.sections.into_iter().map(|(_, section)| section);
        let parts: Vec<_> = self
            .texts
            .into_iter()
            .chain(sections)
            .filter(|part| !part.trim().is_empty())
            .collect();
        (!parts.is_empty()).then(|| parts.join("\n\n"))
    }
}
