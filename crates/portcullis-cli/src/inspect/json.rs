//! Gives JSON line breaks and indentation and leaves the rest as it was written. A parser would merge
//! repeated members and round large numbers, which is what someone who inspects a token wants to see.

use std::collections::HashSet;

use serde::de::IgnoredAny;

/// JSON, laid out.
#[derive(Debug)]
pub(super) struct Pretty {
    pub(super) text: String,
    /// Members of the outer object that are there more than once.
    pub(super) repeated: Vec<String>,
}

/// Lays out a JSON object, or says what else it is.
pub(super) fn indented(json: &str) -> Result<Pretty, String> {
    let parsed: Result<IgnoredAny, _> = serde_json::from_str(json);
    parsed.map_err(|error| format!("line {} column {}", error.line(), error.column()))?;
    if !json.trim_start().starts_with('{') {
        return Err("it is something else".to_owned());
    }
    Ok(Pretty { text: lay_out(json), repeated: repeated(json) })
}

/// Of JSON that was found well-formed.
fn lay_out(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth = 0;
    let mut chars = json.chars().peekable();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        (0..depth).for_each(|_| out.push_str("  "));
    };
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                out.push('"');
                while let Some(c) = chars.next() {
                    out.push(c);
                    match c {
                        '"' => break,
                        '\\' => out.extend(chars.next()),
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                let closing = chars.next_if(|&next| next == '}' || next == ']');
                match closing {
                    Some(closing) => out.push(closing),
                    None => {
                        depth += 1;
                        line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth = usize::saturating_sub(depth, 1);
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

fn repeated(json: &str) -> Vec<String> {
    struct Members(Vec<String>);

    impl<'de> serde::Deserialize<'de> for Members {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;

            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Members;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Members, A::Error> {
                    let (mut seen, mut repeated) = (HashSet::new(), Vec::new());
                    while let Some((name, _)) = map.next_entry::<String, IgnoredAny>()? {
                        if !seen.insert(name.clone()) && !repeated.contains(&name) {
                            repeated.push(name);
                        }
                    }
                    Ok(Members(repeated))
                }
            }

            deserializer.deserialize_map(Visitor)
        }
    }

    serde_json::from_str::<Members>(json).map(|members| members.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_kept_and_laid_out() {
        let json =
            r#" {"a":1e2,"b":[1 , {"c\"}":"x,:[ "}],"e":{ },"f":[],"a":12345678901234567890} "#;
        let pretty = indented(json).unwrap();
        let expected = "{\n  \"a\": 1e2,\n  \"b\": [\n    1,\n    {\n      \"c\\\"}\": \"x,:[ \"\n    }\n  ],\n  \
                        \"e\": {},\n  \"f\": [],\n  \"a\": 12345678901234567890\n}";
        assert_eq!(pretty.text, expected);
        assert_eq!(pretty.repeated, ["a"]);
    }

    #[test]
    fn a_name_is_the_same_however_it_is_escaped() {
        assert_eq!(indented(r#"{"a":1,"\u0061":2}"#).unwrap().repeated, ["a"]);
        assert!(indented(r#"{"a":1,"b":{"a":2}}"#).unwrap().repeated.is_empty());
    }

    #[test]
    fn what_is_no_object_is_told() {
        for bad in ["", "[]", "{", "\"a\"", "{} x"] {
            assert!(indented(bad).is_err(), "{bad}");
        }
    }
}
