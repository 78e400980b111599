//! The block a list of duties rests on, read without reading the list.

use super::scan::{all, scan};
use crate::model::Root;

/// `dependent_root` of an answer to `duties/…` in JSON; none if it tells none.
pub fn dependent_root(body: &[u8]) -> Option<Root> {
    let [root] = scan(body, &[], &["dependent_root"], all);
    root?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_before_and_after_the_list_and_nowhere_else() {
        let root = Root([0xab; 32]);
        let told = format!(r#""dependent_root":"{root}""#);
        for (body, expected) in [
            (format!(r#"{{{told},"data":[{{"slot":"1"}}]}}"#), Some(root)),
            (format!(r#"{{"data":[{{"slot":"1"}}],{told}}}"#), Some(root)),
            (format!(r#"{{{told},"data":["#), Some(root)),
            (format!(r#"{{"data":[{{{told}}}]}}"#), None),
            (r#"{"dependent_root":"0xab","data":[]}"#.to_owned(), None),
            ("[]".to_owned(), None),
        ] {
            assert_eq!(dependent_root(body.as_bytes()), expected, "{body}");
        }
    }
}
