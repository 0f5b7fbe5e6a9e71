//! As much of Markdown as the link check needs: links and images, reference definitions, and the anchors of headings as
//! GitHub makes them. Code, fenced or inline, is not looked at.

use std::collections::BTreeMap;

/// Where a link leads, and on which line it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) line: usize,
    pub(super) target: String,
}

/// All links of a page.
pub(super) fn links(text: &str) -> Vec<Link> {
    let mut found = Vec::new();
    for (line, text) in prose(text) {
        let text = without_code(text);
        let mut add = |target: &str| {
            found.push(Link {
                line,
                target: target.to_owned(),
            });
        };
        if let Some(target) = reference(&text) {
            add(target);
        }
        for (_, rest) in text
            .match_indices("](")
            .map(|(at, open)| text.split_at(at + open.len()))
        {
            if let Some(target) = destination(rest) {
                add(target);
            }
        }
    }
    found
}

/// All anchors of a page: those of its headings, and `id`s given by hand.
pub(super) fn anchors(text: &str) -> Vec<String> {
    let mut seen = BTreeMap::<String, usize>::new();
    let mut anchors = Vec::new();
    for (_, line) in prose(text) {
        if let Some(title) = heading(line) {
            let slug = slug(title);
            let count = seen.entry(slug.clone()).or_default();
            anchors.push(if *count == 0 {
                slug
            } else {
                format!("{slug}-{count}")
            });
            *count += 1;
        }
        let ids = line
            .split("id=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        anchors.extend(ids.map(str::to_owned));
    }
    anchors
}

/// The lines outside fenced code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence = None;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| line.trim_start().starts_with(mark));
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => return Some((at + 1, line)),
            _ => {}
        }
        None
    })
}

/// The line with `code` taken out; a backtick without a partner is text.
fn without_code(line: &str) -> String {
    let parts = line.split('`').collect::<Vec<_>>();
    let last = parts.len() - 1;
    let kept = parts
        .iter()
        .enumerate()
        .filter(|(at, _)| at % 2 == 0 || *at == last);
    kept.map(|(_, part)| *part).collect()
}

/// `[name]: target` at the start of a line.
fn reference(line: &str) -> Option<&str> {
    let (name, rest) = line.trim_start().strip_prefix('[')?.split_once("]:")?;
    let target = rest.trim_start();
    (!name.starts_with('^') && !name.contains(']'))
        .then(|| destination(target))
        .flatten()
}

/// The target of a link: up to the bracket or the title, or between angles.
fn destination(rest: &str) -> Option<&str> {
    if let Some(angled) = rest.strip_prefix('<') {
        return angled.split_once('>').map(|(target, _)| target);
    }
    rest.split([')', ' '])
        .next()
        .filter(|target| !target.is_empty())
}

fn heading(line: &str) -> Option<&str> {
    let title = line.trim_start_matches('#');
    let level = line.len() - title.len();
    ((1..=6).contains(&level) && title.starts_with(' ')).then(|| title.trim())
}

/// The anchor that GitHub gives to a heading.
fn slug(title: &str) -> String {
    // A link in a heading counts with its text only.
    let mut shown = String::new();
    for (at, part) in title.split("](").enumerate() {
        shown.push_str(if at == 0 {
            part
        } else {
            part.split_once(')').map_or("", |(_, rest)| rest)
        });
    }
    let kept = shown
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(text: &str) -> Vec<String> {
        links(text).into_iter().map(|link| link.target).collect()
    }

    #[test]
    fn links_images_and_references_are_found() {
        let text =
            "See [a](a.md#x) and ![b](b.png \"title\").\n\n[c]: <c d.md>\n[d]: d.md\n[e](<f g.md>)";
        assert_eq!(
            targets(text),
            ["a.md#x", "b.png", "c d.md", "d.md", "f g.md"]
        );
        assert_eq!(links("\n\n[a](b)")[0].line, 3);
    }

    #[test]
    fn code_is_not_searched() {
        assert_eq!(
            targets("```text\n[a](b)\n```\nuse `[c](d)` here, [e](f)"),
            ["f"]
        );
    }

    #[test]
    fn anchors_are_those_of_github() {
        let text = "# The `run` command\n## A & B\n## A & B\n## [Linked](x.md) title\n<a id=\"hand\"></a>\n#no heading";
        assert_eq!(
            anchors(text),
            ["the-run-command", "a--b", "a--b-1", "linked-title", "hand"]
        );
    }

    #[test]
    fn broken_markdown_is_read_without_a_panic() {
        for text in ["](", "[", "](<", "`", "[]:", "```", "#", "id=\""] {
            drop((links(text), anchors(text)));
        }
    }
}
