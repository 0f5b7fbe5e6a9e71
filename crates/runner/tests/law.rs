//! The law of the locks, proved by what does not compile: each file in `law/` is refused, and the words of the refusal are
//! kept beside it. One file shows the right way.

#[test]
fn what_the_law_forbids_does_not_compile_and_the_right_way_does() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/law/the_right_way.rs");
    for refused in [
        "claim_dropped_under_its_guard",
        "commit_before_ask",
        "commit_twice",
        "engine_call_under_a_guard",
        "forged_guard",
        "forged_unlocked",
        "guard_during_a_model_call",
        "guard_in_the_other_arm_of_a_join",
        "guard_while_a_stream_is_alive",
        "kept_unlocked",
        "model_call_under_a_guard",
        "tool_call_under_a_guard",
        "two_guards_in_one_scope",
    ] {
        cases.compile_fail(format!("tests/law/{refused}.rs"));
    }
}
