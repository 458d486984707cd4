//! A JSON reader (RFC 8259) that shares no code with the one under test. It keeps repeated members, and
//! numbers as they are spelled.

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Why a text could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is no JSON.
    Invalid,
    /// It may be, but this reader is recursive and does not go that deep.
    TooDeep,
}

/// How deep this reader goes.
const DEPTH: usize = 500;

impl Json {
    /// Reads a whole text.
    pub(crate) fn read(text: &[u8]) -> Result<Self, Unread> {
        let text = std::str::from_utf8(text).map_err(|_| Unread::Invalid)?;
        let mut reader = Reader { rest: text, too_deep: false };
        let value = reader.value(DEPTH);
        reader.skip_space();
        match value {
            Some(value) if reader.rest.is_empty() => Ok(value),
            _ if reader.too_deep => Err(Unread::TooDeep),
            _ => Err(Unread::Invalid),
        }
    }

    /// The members of an object.
    pub(crate) fn members(&self) -> Option<&[(String, Json)]> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The one member of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        self.members()?.iter().find(|(there, _)| there == name).map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    /// True if no name is there twice in this object.
    pub(crate) fn has_distinct_names(&self) -> bool {
        let members = self.members().unwrap_or_default();
        let mut names: Vec<_> = members.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// True if that holds for every object within as well.
    pub(crate) fn has_distinct_names_throughout(&self) -> bool {
        match self {
            Self::Array(values) => values.iter().all(Self::has_distinct_names_throughout),
            Self::Object(members) => {
                self.has_distinct_names()
                    && members.iter().all(|(_, value)| value.has_distinct_names_throughout())
            }
            _ => true,
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    too_deep: bool,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn eat(&mut self, token: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(token)?;
        Some(())
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        self.skip_space();
        match self.rest.bytes().next()? {
            b'n' => self.eat("null").map(|()| Json::Null),
            b't' => self.eat("true").map(|()| Json::Bool(true)),
            b'f' => self.eat("false").map(|()| Json::Bool(false)),
            b'"' => self.text().map(Json::Text),
            b'[' | b'{' if depth == 0 => {
                self.too_deep = true;
                None
            }
            b'[' => self.array(depth - 1),
            b'{' => self.object(depth - 1),
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        self.eat("[")?;
        let mut values = Vec::new();
        self.skip_space();
        if self.eat("]").is_some() {
            return Some(Json::Array(values));
        }
        loop {
            values.push(self.value(depth)?);
            self.skip_space();
            if self.eat("]").is_some() {
                return Some(Json::Array(values));
            }
            self.eat(",")?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        self.eat("{")?;
        let mut members = Vec::new();
        self.skip_space();
        if self.eat("}").is_some() {
            return Some(Json::Object(members));
        }
        loop {
            self.skip_space();
            let name = self.text()?;
            self.skip_space();
            self.eat(":")?;
            members.push((name, self.value(depth)?));
            self.skip_space();
            if self.eat("}").is_some() {
                return Some(Json::Object(members));
            }
            self.eat(",")?;
        }
    }

    fn number(&mut self) -> Option<Json> {
        let start = self.rest;
        let _ = self.eat("-");
        // no leading zero
        if self.eat("0").is_none() {
            self.digits()?;
        }
        if self.eat(".").is_some() {
            self.digits()?;
        }
        if self.eat("e").or_else(|| self.eat("E")).is_some() {
            let _ = self.eat("+").or_else(|| self.eat("-"));
            self.digits()?;
        }
        Some(Json::Number(start[..start.len() - self.rest.len()].to_owned()))
    }

    fn digits(&mut self) -> Option<()> {
        let rest = self.rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let some = rest.len() < self.rest.len();
        self.rest = rest;
        some.then_some(())
    }

    fn text(&mut self) -> Option<String> {
        self.eat("\"")?;
        let mut text = String::new();
        loop {
            let c = self.next()?;
            match c {
                '"' => return Some(text),
                '\\' => text.push(self.escape()?),
                '\0'..='\x1f' => return None,
                c => text.push(c),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(c)
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.next()? {
            '"' => '"',
            '\\' => '\\',
            '/' => '/',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = self.unit()?;
                // RFC 8259 §8.2: a surrogate alone is allowed, and means nothing
                self.low_surrogate(unit).or_else(|| char::from_u32(unit)).unwrap_or('\u{fffd}')
            }
            _ => return None,
        })
    }

    /// The character that a high surrogate makes with a low one after it.
    fn low_surrogate(&mut self, high: u32) -> Option<char> {
        let high = high.checked_sub(0xd800).filter(|high| *high < 0x400)?;
        let mut ahead = Reader { rest: self.rest, too_deep: false };
        ahead.eat("\\u")?;
        let low = ahead.unit()?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
        self.rest = ahead.rest;
        char::from_u32(0x1_0000 + (high << 10) + low)
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.rest.get(..4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.rest = &self.rest[4..];
        u32::from_str_radix(digits, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_serde_json_reads() {
        for text in [
            "{}",
            "[]",
            "null",
            " [1, 2.5e-3, -0, \"\\u0041\\ud83d\\ude00\\n\"] ",
            "{\"a\":{\"a\":1}}",
            "01",
            "1.",
            "+1",
            "-",
            "[1,]",
            "{\"a\"}",
            "\"\n\"",
            "\"\\x\"",
            "tru",
            "",
            "1 2",
            "{\"a\":1,}",
            ".5",
            "1e",
            "\"",
            "[",
            "nullx",
            "\"\\u00g0\"",
        ] {
            let theirs = serde_json::from_str::<serde_json::Value>(text).is_ok();
            assert_eq!(Json::read(text.as_bytes()).is_ok(), theirs, "{text}");
        }
        for depth in [1, 100, 127] {
            let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            let theirs = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            assert_eq!(Json::read(text.as_bytes()).is_ok(), theirs, "{depth}");
        }
        assert_eq!(Json::read("[".repeat(501).as_bytes()), Err(Unread::TooDeep));
        assert_eq!(Json::read(br#""\ud800x\udc00""#), Ok(Json::Text("\u{fffd}x\u{fffd}".into())));
    }

    #[test]
    fn repeated_names_are_seen() {
        let twice = Json::read(br#"{"a":1,"\u0061":2}"#).unwrap();
        assert!(!twice.has_distinct_names());
        let within = Json::read(br#"{"a":[{"b":1,"b":2}]}"#).unwrap();
        assert!(within.has_distinct_names() && !within.has_distinct_names_throughout());
    }
}
