//! What must hold even if every hash is the same.

use super::*;

fn end(file: &str, ids: Ids) -> FromEnd {
    let mut walk = Walk::new(None, Reach::Context, Limits::default());
    walk.passed = ids;
    let bytes = file.as_bytes();
    let mut read_at = |offset: u64, out: &mut [u8]| {
        let start = usize::try_from(offset).map_err(|_| ())?;
        out.copy_from_slice(bytes.get(start..start + out.len()).ok_or(())?);
        Ok::<(), ()>(())
    };
    walk.run(bytes.len() as u64, &mut read_at).unwrap()
}

#[test]
fn a_passed_id_of_the_same_hash_is_a_question_and_never_an_answer() {
    let line = |number: u32, parent: &str| {
        format!("{{\"type\":\"label\",\"id\":\"{number}\",\"parentId\":{parent}}}\n")
    };
    let file = [
        "{\"type\":\"session\",\"version\":3,\"id\":\"s\"}\n",
        &line(1, "null"),
        &line(2, "\"1\""),
    ]
    .concat();
    assert!(matches!(end(&file, Ids::default()), FromEnd::Found(found) if found.part.len() == 2));
    let collided = end(&file, Ids::forced(|_| 7));
    assert!(matches!(collided, FromEnd::NeedAll(NeedAll::Later)));
}
