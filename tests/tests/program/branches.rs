//! Branches by hand: which there are, a name, going on elsewhere with a summary, taking entries over.

use latchwork_testkit::endpoint::{Gate, Reply};
use serde_json::{Value, json};

use crate::bench::Bench;

impl Bench {
    pub(crate) fn does(&self, words: &[&str]) -> Vec<Value> {
        let talk = self.talk();
        let talk = talk.to_str().unwrap();
        let args = words
            .iter()
            .map(|word| if *word == "TALK" { talk } else { word });
        let args: Vec<&str> = args.chain(["--json"]).collect();
        self.home
            .latchwork(args)
            .run()
            .expect_success()
            .json_lines()
    }

    /// The id of the entry with this text.
    pub(crate) fn id_of(&self, text: &str) -> String {
        let lines = std::fs::read_to_string(self.talk()).unwrap();
        let entries = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let found = entries
            .into_iter()
            .find(|entry| entry["message"].to_string().contains(text));
        found.unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// What the model is shown, as text.
    fn model_sees(&self) -> String {
        self.does(&["show", "TALK", "--context"])[0].to_string()
    }
}

#[test]
fn a_branch_that_was_left_is_summed_up_where_the_conversation_goes_on_and_listed_with_its_way_back()
{
    let bench = Bench::talked(3);
    let to = bench.id_of("answer 0");
    let left = bench.id_of("answer 2");
    bench.does(&[
        "rewind",
        "TALK",
        &to,
        "--summary",
        "we tried two more questions",
    ]);
    let shown = bench.model_sees();
    assert!(shown.contains("we tried two more questions"), "{shown}");
    assert!(
        shown.contains("answer 0") && !shown.contains("answer 1"),
        "{shown}"
    );
    bench.endpoint.push(Reply::text("another way"));
    bench.run(&["go on"]).run().expect_success();
    let asked = bench.endpoint.requests().pop().unwrap().body.to_string();
    assert!(asked.contains("we tried two more questions"), "{asked}");
    let branches = bench.does(&["branches", "TALK"]);
    let brief = |branch: &Value| {
        let entries = branch["entries"].as_u64().unwrap();
        (branch["origin"].as_str().unwrap().to_owned(), entries)
    };
    assert_eq!(brief(&branches[1]), ("left".to_owned(), 4));
    assert_eq!(branches[1]["leafId"], left.as_str());
    assert_eq!(branches[1]["fromId"], to.as_str());
    assert_eq!(
        (branches.len(), branches[0]["origin"].as_str()),
        (2, Some("active"))
    );
    bench.does(&["rewind", "TALK", &left]);
    assert!(bench.model_sees().contains("answer 2"));
    bench.report().assert_settled();
}

#[test]
fn an_empty_summary_and_an_entry_that_is_not_there_are_refused_and_nothing_is_written() {
    let bench = Bench::talked(1);
    let before = std::fs::read(bench.talk()).unwrap();
    let talk = bench.talk();
    let talk = talk.to_str().unwrap();
    let there = bench.id_of("answer 0");
    for words in [
        vec!["rewind", talk, there.as_str(), "--summary", " "],
        vec!["rewind", talk, "nosuch", "--summary", "x"],
        vec!["label", talk, "nosuch", "name"],
        vec!["label", talk, there.as_str(), "two\nlines"],
        vec!["merge", talk, "nosuch"],
    ] {
        let refused = bench.home.latchwork(words).run().expect_refusal();
        assert_eq!(refused.stdout, "", "{refused}");
    }
    assert_eq!(std::fs::read(bench.talk()).unwrap(), before);
}

#[test]
fn a_name_is_given_shown_and_taken_away_also_while_a_turn_is_under_way() {
    let bench = Bench::talked(1);
    let target = bench.id_of("question 0");
    let gate = Gate::new();
    bench.endpoint.push(Reply::text("late").held(&gate));
    let turn = bench.run(&["and now"]).spawn();
    gate.wait_reached();
    bench.does(&["label", "TALK", &target, "the beginning"]);
    gate.open();
    turn.wait().expect_success();
    let talk = bench.talk();
    let tree = || {
        let args = ["show", talk.to_str().unwrap(), "--tree"];
        bench.home.latchwork(args).run().expect_success().stdout
    };
    assert!(tree().contains("[the beginning]"), "{}", tree());
    bench.does(&["label", "TALK", &target]);
    assert!(!tree().contains("[the beginning]"));
    assert_eq!(
        bench.report().texts_on_path("assistant").last().unwrap(),
        "late"
    );
}

#[test]
fn an_orphaned_reply_is_listed_and_taken_over_once() {
    let bench = Bench::talked(1);
    let gate = Gate::new();
    bench
        .endpoint
        .push(Reply::text("came too late").held(&gate));
    let turn = bench.run(&["slow question"]).spawn();
    gate.wait_reached();
    bench.does(&["rewind", "TALK", &bench.id_of("answer 0")]);
    gate.open();
    turn.wait();
    let branches = bench.does(&["branches", "TALK"]);
    let orphan = branches
        .iter()
        .find(|branch| branch["origin"] == "orphaned")
        .unwrap();
    assert!(!bench.model_sees().contains("came too late"));
    let leaf = orphan["leafId"].as_str().unwrap();
    let question = bench.id_of("slow question");
    for again in [false, true] {
        let merged = bench.does(&["merge", "TALK", leaf, &question]);
        let entries = merged[0]["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 2);
        assert!(
            entries.iter().all(|entry| entry["duplicate"] == again),
            "{merged:?}"
        );
    }
    let shown = bench.model_sees();
    assert!(
        shown.find("slow question") < shown.find("came too late"),
        "{shown}"
    );
    assert_eq!(shown.matches("came too late").count(), 1);
    bench.endpoint.push(Reply::text("fine"));
    bench.run(&["go on"]).run().expect_success();
    let asked = bench.endpoint.requests().pop().unwrap();
    assert_eq!(
        asked.texts_of("assistant"),
        ["hi", "answer 0", "came too late"]
    );
}

#[test]
fn a_reply_that_calls_a_tool_is_taken_over_with_its_result_into_another_session() {
    let bench = Bench::talked(1);
    let call = Reply::tool_call("c1", "ls", &json!({ "path": "." }));
    bench.endpoint.push(call);
    bench.endpoint.push(Reply::text("there is nothing"));
    bench
        .run(&["--tools", "ls", "what is there"])
        .run()
        .expect_success();
    let reply = bench.id_of("\"c1\"");
    let other = bench.home.path("other.jsonl");
    std::fs::write(
        &other,
        "{\"type\":\"session\",\"version\":3,\"id\":\"o\",\"timestamp\":\"2026-01-01T00:00:00.000Z\",\"cwd\":\"/\"}\n",
    )
    .unwrap();
    let talk = bench.talk();
    let other = other.to_str().unwrap();
    let args = [
        "merge",
        other,
        &reply,
        "--from",
        talk.to_str().unwrap(),
        "--json",
    ];
    let merged = bench.home.latchwork(args).run().expect_success().json();
    assert_eq!(merged["entries"].as_array().unwrap().len(), 2, "{merged}");
    let text = std::fs::read_to_string(other).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["message"]["toolCallId"], "c1");
    assert!(
        text.contains("latchwork.merge"),
        "where they are from is kept"
    );
}
