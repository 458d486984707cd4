//! What is given to a preset, and whether it can be what it is meant to be. It becomes part of an address,
//! so nothing gets through that could lead elsewhere.

/// A host name: letters, digits, dots and `-`, and a port if need be.
pub(super) fn host(what: &str, text: &str) -> Result<(), String> {
    let (name, port) = text.split_once(':').unwrap_or((text, "443"));
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    let good = !name.is_empty()
        && name.bytes().all(legal)
        && !name.starts_with(['.', '-'])
        && !name.contains("..")
        && port.parse::<u16>().is_ok();
    if good {
        Ok(())
    } else {
        Err(format!("{what} {text:?} is no host name, such as `a.example.com`"))
    }
}

/// One label, such as a region or a project: small letters, digits and `-`.
pub(super) fn label(what: &str, text: &str) -> Result<(), String> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !text.is_empty() && text.len() <= 63 && text.bytes().all(legal) {
        return Ok(());
    }
    Err(format!("{what} {text:?} must be made of small letters, digits and `-`"))
}

/// An address that tokens name as their issuer: https (or http on the loopback, for tests), no query, no
/// fragment, and no slash at the end.
pub(super) fn url(what: &str, text: &str) -> Result<(), String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else {
        return Err(format!("{what} {text:?} must start with https://"));
    };
    if rest.is_empty()
        || rest.contains(['?', '#', '@', '\\', '%'])
        || rest.contains("..")
        || rest.contains(|c: char| c.is_whitespace() || c.is_control())
    {
        return Err(format!("{what} {text:?} must be a host and a path, and no more"));
    }
    if rest.ends_with('/') {
        return Err(format!("{what} {text:?} must not end with a slash"));
    }
    Ok(())
}

/// A list that must name something.
pub(super) fn list(what: &str, names: &[String]) -> Result<(), String> {
    if names.is_empty() || names.iter().any(String::is_empty) {
        return Err(format!("{what}: at least one is needed, and none may be empty"));
    }
    Ok(())
}

pub(super) fn owned<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Vec<String> {
    names.into_iter().map(|name| name.as_ref().to_owned()).collect()
}

/// A number that identifies something and never changes, as GitHub writes it.
pub(super) fn number(what: &str, text: &str) -> Result<(), String> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0') {
        return Ok(());
    }
    Err(format!("{what} {text:?} must be a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        for good in ["a.example", "tenant.eu.auth0.com", "localhost:8443", "a-b.c"] {
            assert!(host("x", good).is_ok(), "{good}");
        }
        for bad in
            ["", "a/b", "a@b", "https://a", "a b", ".a", "a..b", "a:b", "a:99999", "a\n", "-a"]
        {
            assert!(host("x", bad).is_err(), "{bad}");
        }
        for good in ["eu-west-1", "my-project-1"] {
            assert!(label("x", good).is_ok(), "{good}");
        }
        for bad in ["", "A", "a.b", "a/b", "a_b", "é"] {
            assert!(label("x", bad).is_err(), "{bad}");
        }
        assert!(label("x", &"a".repeat(63)).is_ok());
        assert!(label("x", &"a".repeat(64)).is_err());
        for good in ["https://a.example", "https://a.example/realms/r", "http://127.0.0.1:1/x"] {
            assert!(url("x", good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a.example",
            "ftp://a",
            "https://",
            "https://a/",
            "https://a?b",
            "https://u@a",
            "https://a/../b",
            "https://a/%2e%2e/b",
            "https://a/b\\c",
            "https://a/b c",
            "https://a/b\n",
        ] {
            assert!(url("x", bad).is_err(), "{bad}");
        }
        assert!(number("x", "65").is_ok());
        for bad in ["", "0", "octo-org", "6 5", "-1"] {
            assert!(number("x", bad).is_err(), "{bad}");
        }
    }
}
