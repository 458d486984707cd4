//! Which known name somebody may have meant.

/// The name nearest to what was written, if it is near at all.
pub(super) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let near = known.into_iter().map(|name| (distance(written, name), name)).min();
    // a third of the letters: more than that is another word
    near.filter(|(distance, name)| *distance <= name.len().max(3) / 3).map(|(_, name)| name)
}

/// How many letters have to be put in, taken out or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<_> = b.chars().collect();
    let mut row: Vec<_> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in b.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_near_and_another_word_is_not() {
        let known = ["ISSUER", "AUDIENCE", "JWKS_URL", "JWKS"];
        for (written, meant) in [
            ("ISSEUR", Some("ISSUER")),
            ("AUDIENSE", Some("AUDIENCE")),
            ("JWKS_URI", Some("JWKS_URL")),
            ("JWK", Some("JWKS")),
            ("PASSWORD", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, known), meant, "{written}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
