//! Reads a few scalar fields out of a large JSON document without building it.
//!
//! Descends only into objects under keys it is told of, and stops reading as soon as it has what is wanted: a block's
//! header fields come before its megabytes of body and blobs. It never judges the rest of the document.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// What to look for, and what was found so far.
struct Scan<'a, const N: usize> {
    into: &'a [&'a str],
    wanted: &'a [&'a str; N],
    found: [Option<String>; N],
    enough: fn(&[Option<String>; N]) -> bool,
}

/// The text of the `wanted` scalar fields, the first occurrence of each, in the top object and in objects reached over
/// keys of `into` alone. Reading stops once `enough` holds; what a broken document held before it broke is kept.
pub(super) fn scan<const N: usize>(
    body: &[u8],
    into: &[&str],
    wanted: &[&str; N],
    enough: fn(&[Option<String>; N]) -> bool,
) -> [Option<String>; N] {
    let mut state = Scan { into, wanted, found: [const { None }; N], enough };
    // An error is either a broken document or the early stop; in both cases what counts is what was found.
    let _ = Object(&mut state).deserialize(&mut serde_json::Deserializer::from_slice(body));
    state.found
}

/// Stops on the first time every wanted field is there.
pub(super) fn all<const N: usize>(found: &[Option<String>; N]) -> bool {
    found.iter().all(Option::is_some)
}

struct Object<'s, 'a, const N: usize>(&'s mut Scan<'a, N>);

impl<'de, const N: usize> DeserializeSeed<'de> for Object<'_, '_, N> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Object<'_, '_, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(KeyOf(self.0))? {
            match key {
                Key::Into => map.next_value_seed(Object(self.0))?,
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
                Key::Wanted(place) => {
                    let value = map.next_value_seed(Scalar)?;
                    let kept = &mut self.0.found[place];
                    *kept = kept.take().or(value);
                    if (self.0.enough)(&self.0.found) {
                        return Err(A::Error::custom("enough read"));
                    }
                }
            }
        }
        Ok(())
    }
}

enum Key {
    Into,
    Wanted(usize),
    Other,
}

struct KeyOf<'s, 'a, const N: usize>(&'s Scan<'a, N>);

impl<'de, const N: usize> DeserializeSeed<'de> for KeyOf<'_, '_, N> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<const N: usize> Visitor<'_> for KeyOf<'_, '_, N> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Key, E> {
        let place = self.0.wanted.iter().position(|wanted| *wanted == key);
        Ok(match place {
            Some(place) => Key::Wanted(place),
            None if self.0.into.contains(&key) => Key::Into,
            None => Key::Other,
        })
    }
}

/// The text of a string or number; none for anything else.
struct Scalar;

impl<'de> DeserializeSeed<'de> for Scalar {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<String>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scalar {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<String>, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<String>, E> {
        Ok(Some(number.to_string()))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Option<String>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<String>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> [Option<String>; 2] {
        scan(text.as_bytes(), &["data"], &["a", "b"], all)
    }

    #[test]
    fn only_named_objects_are_entered_and_reading_stops_early() {
        let some = |a: &str, b: &str| [Some(a.to_owned()), Some(b.to_owned())];
        assert_eq!(read(r#"{"a":"1","b":2}"#), some("1", "2"));
        assert_eq!(read(r#"{"x":{"a":"9","b":"9"},"data":{"a":"1","c":[{}],"b":"2","#), some("1", "2"));
        assert_eq!(read(r#"{"data":{"a":"1"},"b":"\u0032"} trailing"#), some("1", "2"));
        assert_eq!(read(r#"{"x":{"a":"9"}}"#), [None, None]);
        assert_eq!(read(r#"{"a":"1","a":"2","b":null}"#), [Some("1".to_owned()), None]);
        assert_eq!(read(r#"{"a":{"b":"1"},"b":[1,2]}"#), [None, None], "a wanted object is not a scalar");
        assert_eq!(read("[1]"), [None, None]);
        assert_eq!(read(""), [None, None]);
    }
}
