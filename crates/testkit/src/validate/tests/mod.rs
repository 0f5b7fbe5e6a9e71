//! Red controls: a request that is taken, and what must be refused when one thing in it is changed.

mod anthropic;
mod chat;
mod gemini;
mod responses;

use serde_json::Value;

/// A change to the good request, and words of the refusal that it must meet.
type Case = (&'static str, fn(&mut Value));

/// The good request must be taken; each change alone must be refused for its own reason.
fn assert_refused(good: &Value, refusals: impl Fn(&Value) -> Vec<String>, table: &[Case]) {
    assert_eq!(refusals(good), Vec::<String>::new(), "the good request");
    for (why, spoil) in table {
        let mut body = good.clone();
        spoil(&mut body);
        assert_ne!(&body, good, "{why}: the case changes nothing");
        let found = refusals(&body);
        assert!(
            found.iter().any(|refusal| refusal.contains(why)),
            "{why:?} expected, found {found:?} in {body}"
        );
    }
}

/// The list at a JSON pointer.
fn list<'v>(body: &'v mut Value, pointer: &str) -> &'v mut Vec<Value> {
    body.pointer_mut(pointer).unwrap().as_array_mut().unwrap()
}

fn set(body: &mut Value, pointer: &str, value: impl Into<Value>) {
    *body.pointer_mut(pointer).unwrap() = value.into();
}
