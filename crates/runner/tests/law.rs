//! The law of the locks, proved by what does not compile: each file in `law/refused` is refused, and the words of the
//! refusal are kept beside it. One file shows the right way.

#[test]
fn what_the_law_forbids_does_not_compile_and_the_right_way_does() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/law/the_right_way.rs");
    cases.compile_fail("tests/law/refused/*.rs");
}
