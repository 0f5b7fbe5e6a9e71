//! The plan takes nothing that is in use, referred to or young, whatever the store; and planning again finds nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use latchwork_openclaw::maintenance::{
    Asked, FileAction, InUse, MaintenanceOptions, Plan, RowAction, Seen, SeenFile, plan,
};
use latchwork_openclaw::{Entry, FileSort, SessionsJson, sort_of};
use proptest::prelude::*;
use serde_json::json;

const NOW: i64 = 1_800_000_000_000;
const HOUR: i64 = 3_600_000;

#[derive(Clone, Debug)]
struct World {
    rows: SessionsJson,
    seen: Seen,
    in_use: InUse,
    options: MaintenanceOptions,
    asked: Asked,
}

impl World {
    fn plan(&self) -> Plan {
        plan(
            &self.rows,
            &self.seen,
            &self.in_use,
            &self.options,
            &self.asked,
            NOW,
        )
    }

    /// The world after the plan was carried out.
    fn after(&self, plan: &Plan) -> Self {
        let mut next = self.clone();
        let going = plan.rows.iter().filter(|row| row.action != RowAction::Keep);
        for row in going {
            next.rows.remove(&row.key);
        }
        next.rows = SessionsJson::parse(&next.rows.to_text()).unwrap();
        next.seen.files.clear();
        for file in &plan.files {
            match &file.action {
                FileAction::Keep => next.seen.files.push(file.file.clone()),
                FileAction::Delete => next.seen.bytes -= file.file.bytes,
                FileAction::Archive { to } => {
                    let mut archive = named(to, file.file.bytes, file.file.modified_ms);
                    archive.parent = None;
                    next.seen.files.push(archive);
                }
            }
        }
        next
    }
}

fn named(name: &str, bytes: u64, modified_ms: i64) -> SeenFile {
    let (stem, sort) = sort_of(name, "sessions.json").unwrap();
    SeenFile {
        name: name.to_owned(),
        stem: stem.to_owned(),
        sort,
        bytes,
        modified_ms,
        inode: 1,
        parent: None,
    }
}

/// A time: now, lately, some days ago, long ago, in the future.
fn time() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(NOW),
        (0..2 * HOUR).prop_map(|ago| NOW - ago),
        (0..70 * 24 * HOUR).prop_map(|ago| NOW - ago),
        Just(0),
        Just(NOW + HOUR),
    ]
}

fn id() -> impl Strategy<Value = String> {
    "[a-f]"
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "agent:main:[a-h]",
        "Agent:Main:[A-H]",
        "agent:main:subagent:[a-d]",
        "agent:main:telegram:group:[a-c]",
        "cron:[a-c]",
    ]
}

fn row() -> impl Strategy<Value = serde_json::Value> {
    let fields = (
        id(),
        prop::option::weighted(0.9, time()),
        prop::option::weighted(0.3, key()),
        prop::option::weighted(0.2, id()),
        prop::option::weighted(0.1, Just("running")),
        prop::option::weighted(0.3, id()),
    );
    let usual = fields.prop_map(|(id, at, parent, family, status, file)| {
        let mut row = json!({ "sessionId": id });
        if let Some(at) = at {
            row["updatedAt"] = json!(at);
        }
        if let Some(parent) = parent {
            row["spawnedBy"] = json!(parent);
        }
        if let Some(family) = family {
            row["usageFamilySessionIds"] = json!([family]);
        }
        if let Some(status) = status {
            row["status"] = json!(status);
        }
        if let Some(file) = file {
            row["sessionFile"] = json!(format!("/store/{file}.jsonl"));
        }
        row
    });
    prop_oneof![12 => usual, 1 => Just(json!(7))]
}

fn file() -> impl Strategy<Value = SeenFile> {
    let name = prop_oneof![
        4 => id().prop_map(|id| format!("{id}.jsonl")),
        1 => id().prop_map(|id| format!("{id}-topic-1.jsonl")),
        1 => id().prop_map(|id| format!("{id}.trajectory.jsonl")),
        1 => (id(), id()).prop_map(|(id, c)| format!("{id}.checkpoint.{c}.jsonl")),
        1 => (id(), time()).prop_map(|(id, at)| latchwork_openclaw::archive_name(&format!("{id}.jsonl"), latchwork_openclaw::ArchiveWhy::Reset, at, 0)),
        1 => (id(), time()).prop_map(|(id, at)| latchwork_openclaw::archive_name(&format!("{id}.jsonl"), latchwork_openclaw::ArchiveWhy::Deleted, at, 0)),
        1 => Just("sessions.json.bak.1".to_owned()),
        1 => id().prop_map(|id| format!("{id}.jsonl.lock")),
    ];
    let parent = prop::option::weighted(0.3, id().prop_map(|id| format!("{id}.jsonl")));
    (name, 1..2_000_u64, time(), parent).prop_map(|(name, bytes, at, parent)| {
        let mut file = named(&name, bytes, at);
        file.parent = parent.filter(|_| file.sort == FileSort::Transcript);
        file
    })
}

fn world() -> impl Strategy<Value = World> {
    let store = prop::collection::vec((key(), row()), 0..14);
    let files = prop::collection::vec(file(), 0..20);
    let in_use = (
        prop::collection::btree_set("agent:main:[a-h]", 0..2),
        prop::collection::btree_set(id(), 0..2),
        prop::collection::btree_set(id(), 0..2),
    );
    let options = (
        0..60 * 24 * HOUR,
        1..8_usize,
        prop::option::of(0..60 * 24 * HOUR),
        prop::option::of((0..12_000_u64, prop::option::of(0..12_000_u64))),
        prop_oneof![Just(HOUR), Just(0), 0..72 * HOUR],
    );
    (store, files, in_use, options, any::<bool>()).prop_map(
        |(store, files, (keys, live, inboxes), options, fix_missing)| {
            let rows: Vec<_> = store
                .iter()
                .map(|(key, row)| format!("{}:{row}", json!(key)))
                .collect();
            let by_name: BTreeMap<String, SeenFile> = files
                .into_iter()
                .map(|file| (file.name.clone(), file))
                .collect();
            let files: Vec<SeenFile> = by_name.into_values().collect();
            let (prune_after_ms, max_entries, reset_archive_retention_ms, disk, age_floor_ms) =
                options;
            let options = MaintenanceOptions {
                prune_after_ms,
                max_entries,
                reset_archive_retention_ms,
                max_disk_bytes: disk.map(|(max, _)| max),
                high_water_bytes: disk.and_then(|(_, high)| high),
                age_floor_ms,
                ..MaintenanceOptions::default()
            };
            World {
                rows: SessionsJson::parse(&format!("{{{}}}", rows.join(","))).unwrap(),
                seen: Seen {
                    folder: PathBuf::from("/store"),
                    bytes: files.iter().map(|file| file.bytes).sum(),
                    files,
                    inboxes,
                    store_bytes: 0,
                },
                in_use: InUse { keys, live },
                options,
                asked: Asked {
                    fix_missing,
                    ..Asked::default()
                },
            }
        },
    )
}

/// What a row that stays leads to, found anew and in another way than the planner does it.
fn leads_to(entry: &Entry) -> BTreeSet<String> {
    let ids = std::iter::once(&entry.session_id)
        .chain(&entry.family)
        .chain(&entry.checkpoint_sessions);
    let mut names: BTreeSet<String> = ids
        .flat_map(|id| [format!("{id}.jsonl"), format!("{id}-topic-1.jsonl")])
        .collect();
    if let Some(file) = &entry.session_file {
        names.insert(file.rsplit('/').next().unwrap().to_owned());
    }
    names
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn nothing_that_is_active_live_malformed_young_or_led_to_ever_goes(world in world()) {
        let plan = world.plan();
        let floor = NOW - world.options.age_floor_ms;
        let goes: BTreeSet<&str> = plan.rows.iter().filter(|row| row.action != RowAction::Keep).map(|row| row.key.as_str()).collect();
        let modified: BTreeMap<&str, i64> = world.seen.files.iter().map(|file| (file.name.as_str(), file.modified_ms)).collect();
        for row in world.rows.rows() {
            let key = row.normalized_key();
            if goes.contains(key) {
                let entry = row.entry();
                prop_assert!(entry.is_some(), "{key} is malformed");
                let entry = entry.unwrap();
                prop_assert!(!world.in_use.keys.contains(key), "{key} is active");
                prop_assert!(!world.in_use.live.contains(&entry.session_id), "{key} is live");
                prop_assert!(!world.seen.inboxes.contains(&entry.session_id), "{key} has an inbox");
                prop_assert!(row.updated_at().is_none_or(|at| at < floor), "{key} is young");
                let own = entry.session_file.as_deref().map_or(format!("{}.jsonl", entry.session_id), |file| file.rsplit('/').next().unwrap().to_owned());
                prop_assert!(modified.get(own.as_str()).is_none_or(|at| *at < floor), "{key} was just written");
            } else if let Some(entry) = row.entry() {
                for parent in &entry.parents {
                    prop_assert!(parent == key || !goes.contains(parent.as_str()), "{parent} is where {key} came from");
                }
                let led = leads_to(&entry);
                for file in plan.files.iter().filter(|file| file.action != FileAction::Keep) {
                    prop_assert!(!led.contains(&file.file.name), "{key} leads to {}", file.file.name);
                }
            }
        }
        let stays: Vec<&SeenFile> = plan.files.iter().filter(|file| file.action == FileAction::Keep).map(|file| &file.file).collect();
        let parents: BTreeSet<&str> = stays.iter().filter_map(|file| file.parent.as_deref()).collect();
        for file in plan.files.iter().filter(|file| file.action != FileAction::Keep) {
            let name = file.file.name.as_str();
            prop_assert!(file.file.modified_ms < floor, "{name} is young");
            prop_assert!(!world.in_use.live.contains(&file.file.stem), "{name} is live");
            prop_assert!(!parents.contains(name), "{name} is where another came from");
            prop_assert!(file.file.sort != FileSort::Lock, "{name} is a lock");
        }
    }

    #[test]
    fn planning_again_after_it_was_carried_out_finds_nothing(world in world()) {
        let mut world = world;
        // Without a floor, what was just put away is as old as it ever was; nobody sets that.
        world.options.age_floor_ms = world.options.age_floor_ms.max(1);
        let first = world.plan();
        let next = world.after(&first);
        let again = next.plan();
        let going: Vec<_> = again.rows.iter().filter(|row| row.action != RowAction::Keep).collect();
        let files: Vec<_> = again.files.iter().filter(|file| file.action != FileAction::Keep).collect();
        prop_assert!(going.is_empty() && files.is_empty(), "{going:?} {files:?}\nafter {first:?}");
    }

    #[test]
    fn what_was_asked_for_is_done_as_far_as_it_may_be(world in world()) {
        let plan = world.plan();
        // Whoever is old, keeps nobody, and is kept by nothing, goes.
        for row in plan.rows.iter().filter(|row| row.action == RowAction::Keep) {
            let old = row.updated_at.is_some_and(|at| at < NOW - world.options.prune_after_ms);
            prop_assert!(!old || row.why != latchwork_openclaw::maintenance::Why::NotDue || row.key.contains(":group:"), "{row:?}");
        }
        if let Some(disk) = plan.disk {
            prop_assert!(disk.total_after <= disk.total_before || !disk.over);
            prop_assert!(disk.over || disk.removed_entries == 0);
        }
    }
}

#[test]
fn rows_go_oldest_first_and_only_from_the_high_water_on() {
    let rows: Vec<_> = (0..60)
        .map(|n| {
            format!(
                "\"k{n}\":{{\"sessionId\":\"s{n}\",\"updatedAt\":{}}}",
                NOW - 2 * HOUR - n
            )
        })
        .collect();
    let mut world = World {
        rows: SessionsJson::parse(&format!("{{{}}}", rows.join(","))).unwrap(),
        seen: Seen {
            folder: PathBuf::from("/store"),
            ..Seen::default()
        },
        in_use: InUse::default(),
        options: MaintenanceOptions {
            max_entries: 50,
            ..MaintenanceOptions::default()
        },
        asked: Asked::default(),
    };
    // 50 and 25 more are not too many yet.
    assert!(!world.plan().would_change());
    world.options.max_entries = 40;
    let plan = world.plan();
    let gone: Vec<&str> = plan
        .rows
        .iter()
        .filter(|row| row.action == RowAction::CapOverflow)
        .map(|row| row.key.as_str())
        .collect();
    assert_eq!(gone, (40..60).map(|n| format!("k{n}")).collect::<Vec<_>>());
}

#[test]
fn a_row_that_only_a_child_kept_goes_with_the_child_in_one_plan() {
    let old = NOW - 50 * 24 * HOUR;
    let text = json!({
        "agent:main:parent": { "sessionId": "p", "updatedAt": old },
        "cron:child": { "sessionId": "c", "spawnedBy": "agent:main:parent" },
        "agent:main:new": { "sessionId": "n", "updatedAt": NOW },
    });
    let mut world = World {
        rows: SessionsJson::parse(&text.to_string()).unwrap(),
        seen: Seen {
            folder: PathBuf::from("/store"),
            ..Seen::default()
        },
        in_use: InUse::default(),
        options: MaintenanceOptions {
            max_entries: 2,
            ..MaintenanceOptions::default()
        },
        asked: Asked::default(),
    };
    let actions = |world: &World| {
        let plan = world.plan();
        plan.rows.iter().map(|row| row.action).collect::<Vec<_>>()
    };
    use RowAction::{CapOverflow, Keep, PruneStale};
    assert_eq!(actions(&world), [PruneStale, CapOverflow, Keep]);
    // While the child stays, so does what it came from.
    world.options.max_entries = 9;
    assert_eq!(actions(&world), [Keep, Keep, Keep]);
}
