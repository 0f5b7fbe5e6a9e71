//! One object with a few of its fields changed and every other byte where it stood.
//!
//! What is not named is not touched: space, the order of keys, repeated keys, number forms, escapes, bytes that are not
//! UTF-8. Of a repeated key the last counts, as everywhere, so that is the one that is set.
//!
//! Not here: judging. The object was read before ([`super::Fields`]); of what was not, the reading fails or is wrong.

use std::borrow::Cow;

use super::lex::{space_end, string_end, value_end};
use super::{quote, text};

/// An object, taken apart between its fields.
pub(crate) struct Object<'a> {
    /// Through the opening brace.
    before: &'a [u8],
    fields: Vec<Field<'a>>,
    /// From the closing brace on.
    after: &'a [u8],
}

/// A field and the space around it, without commas.
struct Field<'a> {
    name: Cow<'a, str>,
    text: Cow<'a, [u8]>,
    /// Where in `text` the value begins and ends.
    value: (usize, usize),
}

impl<'a> Object<'a> {
    /// Takes an object apart; what stands before and after it is kept.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let open = memchr::memchr(b'{', bytes)? + 1;
        let (mut at, mut fields) = (open, Vec::new());
        loop {
            let start = at;
            let key = space_end(bytes, start);
            if bytes.get(key) == Some(&b'}') && fields.is_empty() {
                return Some(Object {
                    before: &bytes[..open],
                    fields,
                    after: &bytes[start..],
                });
            }
            let key_end = string_end(bytes, is(bytes, key, b'"')?)?;
            let colon = is(bytes, space_end(bytes, key_end), b':')?;
            let value = space_end(bytes, colon + 1);
            let value_end = value_end(bytes, value)?;
            at = space_end(bytes, value_end);
            fields.push(Field {
                name: name(&bytes[key..key_end]),
                text: Cow::Borrowed(&bytes[start..at]),
                value: (value - start, value_end - start),
            });
            match bytes.get(at)? {
                b',' => at += 1,
                b'}' => {
                    return Some(Object {
                        before: &bytes[..open],
                        fields,
                        after: &bytes[at..],
                    });
                }
                _ => return None,
            }
        }
    }

    /// The value of `name` as it stands.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        let field = &self.fields[self.place(name)?];
        field.text.get(field.value.0..field.value.1)
    }

    /// The value of `name`, if it is a string.
    pub(crate) fn str(&self, name: &str) -> Option<String> {
        text::decode(&String::from_utf8_lossy(self.get(name)?)).map(Cow::into_owned)
    }

    /// Every field with its name, as it stands.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields
            .iter()
            .map(|field| (field.name.as_ref(), field.text.as_ref()))
    }

    /// The place behind the field `name`; the first one if there is none.
    pub(crate) fn behind(&self, name: &str) -> usize {
        self.place(name).map_or(0, |place| place + 1)
    }

    /// Sets the value of `name` where that stands; if there is none, a field at `place`.
    pub(crate) fn set(&mut self, name: &str, value: &[u8], place: usize) {
        match self.place(name) {
            Some(there) => {
                let field = &mut self.fields[there];
                let (start, end) = field.value;
                let text = [&field.text[..start], value, &field.text[end..]].concat();
                field.value.1 = start + value.len();
                field.text = Cow::Owned(text);
            }
            None => {
                let place = place.min(self.fields.len());
                self.fields.insert(place, Field::new(name, value));
            }
        }
    }

    /// Sets the value of `name`, a field at the end if there is none.
    pub(crate) fn set_or_add(&mut self, name: &str, value: &[u8]) {
        self.set(name, value, self.fields.len());
    }

    /// Puts a field in the place of another one.
    pub(crate) fn replace(&mut self, old: &str, name: &str, value: &[u8]) {
        match self.place(old) {
            Some(place) => self.fields[place] = Field::new(name, value),
            None => self.set_or_add(name, value),
        }
    }

    /// Takes out every field `name`.
    pub(crate) fn remove(&mut self, name: &str) {
        self.fields.retain(|field| field.name != name);
    }

    /// The whole again.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let texts: Vec<&[u8]> = self.fields().map(|(_, text)| text).collect();
        [self.before, &texts.join(&b','), self.after].concat()
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.fields.iter().rposition(|field| field.name == name)
    }
}

impl Field<'_> {
    fn new(name: &str, value: &[u8]) -> Self {
        let key = quote(name);
        let start = key.len() + 1;
        Field {
            name: Cow::Owned(name.to_owned()),
            text: Cow::Owned([key.as_bytes(), b":", value].concat()),
            value: (start, start + value.len()),
        }
    }
}

/// The place, if that byte stands there.
fn is(bytes: &[u8], at: usize, byte: u8) -> Option<usize> {
    (bytes.get(at) == Some(&byte)).then_some(at)
}

/// A key as it reads.
fn name(raw: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(raw) {
        Cow::Borrowed(raw) => text::decode(raw).unwrap_or_default(),
        Cow::Owned(raw) => Cow::Owned(text::decode(&raw).unwrap_or_default().into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::Object;
    use proptest::prelude::*;

    fn changed(text: &str, change: impl FnOnce(&mut Object<'_>)) -> String {
        let mut object = Object::read(text.as_bytes()).unwrap();
        change(&mut object);
        String::from_utf8(object.to_bytes()).unwrap()
    }

    #[test]
    fn only_what_is_named_changes() {
        let odd = "\u{feff} {\t\"a\" : 1e999 ,\"b\":\"}\\\",\\ud800\" , \"a\":[ {\"a\":2} ],\"\\u0062\":3 } \r";
        assert_eq!(changed(odd, |_| {}), odd);
        assert_eq!(
            changed(odd, |object| object.set("a", b"0", 0)),
            odd.replace("[ {\"a\":2} ]", "0"),
            "the last of a repeated key"
        );
        assert_eq!(
            changed(odd, |object| object.set("b", b"{}", 0)),
            odd.replace(":3 ", ":{} "),
            "a key is what it reads as"
        );
        assert_eq!(
            changed(odd, |object| object.remove("a")),
            "\u{feff} {\"b\":\"}\\\",\\ud800\" ,\"\\u0062\":3 } \r"
        );
    }

    #[test]
    fn a_new_field_finds_its_place() {
        let add = |text: &str, place: usize| changed(text, |object| object.set("n", b"1", place));
        assert_eq!(add("{}", 0), "{\"n\":1}");
        assert_eq!(add("{ }", 7), "{\"n\":1 }");
        assert_eq!(add("{\"a\":2}", 0), "{\"n\":1,\"a\":2}");
        assert_eq!(add("{\"a\":2}", 1), "{\"a\":2,\"n\":1}");
        assert_eq!(changed("{\"a\":2}", |object| object.remove("a")), "{}");
    }

    #[test]
    fn what_is_no_object_is_not_taken_apart() {
        for text in [
            "",
            "7",
            "[]",
            "{",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1",
            "{\"a\":1,",
            "{\"a\":{}",
            "{a}",
        ] {
            assert!(Object::read(text.as_bytes()).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_value_that_is_set_is_the_one_that_is_read(text in ".{0,8}", keys in prop::collection::vec("[a-c]", 0..6), pretty in any::<bool>()) {
            let value = serde_json::json!({ "x": [text, { "a": null }], "a{": text });
            let value = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let fields: Vec<String> = keys.iter().map(|key| format!(" \"{key}\"\t: {value} ")).collect();
            let whole = format!("{{{}}}", fields.join(","));
            prop_assert_eq!(&changed(&whole, |_| {}), &whole);
            let set = changed(&whole, |object| object.set("a", b"1e999", 0));
            let read = crate::Raw::parse(&set).unwrap().fields().unwrap();
            prop_assert_eq!(read.get("a").unwrap().text(), "1e999");
            let untouched = |text: &str| crate::Raw::parse(text).unwrap().fields().unwrap().iter()
                .filter(|(key, _)| *key != "a").map(|(key, raw)| (key.to_owned(), raw.text().to_owned())).collect::<Vec<_>>();
            prop_assert_eq!(untouched(&set), untouched(&whole));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\ 1".to_vec())], 0..40)) {
            if let Some(mut object) = Object::read(&bytes) {
                prop_assert_eq!(&object.to_bytes(), &bytes);
                object.set("a", b"1", 0);
                let _ = object.to_bytes();
            }
        }
    }
}
