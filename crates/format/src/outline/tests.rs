//! What must hold even if every hash is the same.

use super::names::Hashing;
use super::*;

/// Entries under ids of all forms, a third of them with a key.
fn file() -> String {
    let id = |number: usize| match number % 3 {
        0 => format!("{number:08x}"),
        1 => format!("01890a5d-ac96-774b-bcce-{number:012x}"),
        _ => format!("an id of a stranger's own making, number {number}"),
    };
    let mut file = String::new();
    for number in 0..120_usize {
        let parent = id(number.saturating_sub(1 + number % 2));
        let key = if number % 3 == 0 {
            format!("\"key\":\"k{}\"", number / 6)
        } else {
            String::new()
        };
        file.push_str(&format!(
            "{{\"type\":\"label\",\"id\":\"{}\",\"parentId\":\"{parent}\",\"latchwork\":{{{key}}}}}\n",
            id(number)
        ));
    }
    file + "{\"type\":\"label\",\"id\":\"00000003\",\"parentId\":\"nowhere\"}\n"
}

fn forced(hash: fn(u64) -> u64) -> Outline {
    let mut outline = Outline::default();
    outline.table.hashing = Hashing::forced(hash);
    outline.push(file().as_bytes(), 0).unwrap();
    outline
}

#[test]
fn ids_of_one_hash_are_told_apart_and_keys_of_one_hash_are_only_candidates() {
    let free = Outline::parse(file().as_bytes());
    for forced in [forced(|_| 7), forced(|hash| hash & 3)] {
        assert_eq!(forced.hidden(), free.hidden());
        for (entry, _) in free.rows(0) {
            let id = free.id(entry).unwrap();
            assert_eq!(forced.id(entry).as_ref(), Some(&id));
            assert_eq!(forced.find(id.as_str()), free.find(id.as_str()));
            assert_eq!(forced.hang(entry), free.hang(entry));
            assert_eq!(forced.context(entry), free.context(entry));
        }
        assert_eq!(forced.find("00000001"), None);
        assert_eq!(forced.find("an id that nobody has, of no known form"), None);
        let (right, candidates) = (free.keyed("k3"), forced.keyed("k3"));
        assert_eq!(right.len(), 2);
        assert!(candidates.len() > 2 && right.iter().all(|entry| candidates.contains(entry)));
        assert!(
            candidates.is_sorted_by(|a, b| a > b),
            "the last comes first, and none twice"
        );
    }
}

#[test]
fn what_a_clone_shares_is_not_copied_when_the_outline_grows() {
    let line = |number: u32| {
        format!(
            "{{\"type\":\"label\",\"id\":\"{number}\",\"latchwork\":{{\"key\":\"{number}\"}}}}\n"
        )
    };
    let mut outline = Outline::default();
    let lines: String = (0..3000).map(line).collect();
    outline.push(lines.as_bytes(), 0).unwrap();
    let clone = outline.clone();
    for number in 3000..3500 {
        outline
            .push(line(number).as_bytes(), outline.saved_through())
            .unwrap();
    }
    assert!(outline.table.shares_its_base_with(&clone.table));
    for number in 0..3500 {
        assert_eq!(outline.find(&number.to_string()), Some(number));
        assert_eq!(outline.keyed(&number.to_string()), [number]);
        assert_eq!(
            clone.find(&number.to_string()),
            Some(number).filter(|&number| number < 3000)
        );
    }
}

#[test]
fn an_ancestor_of_a_long_branch_is_reached_in_few_hops() {
    let parent = |number: u32| {
        number
            .checked_sub(1)
            .map_or("null".to_owned(), |parent| format!("\"{parent}\""))
    };
    let line = |number| {
        format!(
            "{{\"type\":\"label\",\"id\":\"{number}\",\"parentId\":{}}}\n",
            parent(number)
        )
    };
    let lines: String = (0..20_000).map(line).collect();
    let outline = Outline::parse(lines.as_bytes());
    for (ancestor, of) in [
        (0, 19_999),
        (1, 19_999),
        (9_999, 19_998),
        (19_998, 19_999),
        (4_095, 16_384),
    ] {
        let hops = outline.hops(of, ancestor);
        assert!(hops.count() < 3 * 15, "from {of} to {ancestor}");
        assert!(outline.is_ancestor(ancestor, of) && !outline.is_ancestor(of, ancestor));
    }
}

#[test]
fn a_row_reads_back_from_its_bytes() {
    let outline = Outline::parse(file().as_bytes());
    for (_, row) in outline.rows(0) {
        assert_eq!(Row::of_bytes(&row.bytes()), Some(*row));
        let distinct = Row {
            offset: 1 << 40,
            len: 2,
            number: 3,
            sum: 4,
            parent: 5,
            jump: 6,
            depth: 7,
            boundary: 8,
            level: 9,
            model: 10,
            kind: 11,
            role: 8,
            flags: 12,
            ..*row
        };
        assert_eq!(Row::of_bytes(&distinct.bytes()), Some(distinct));
        for (place, wrong) in [(60, 12), (61, 9), (62, 3)] {
            let mut damaged = row.bytes();
            damaged[place] = wrong;
            assert_eq!(Row::of_bytes(&damaged), None);
        }
    }
}
