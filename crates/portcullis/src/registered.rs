//! The registered claims of a token that was verified, as they are kept.

use std::borrow::Cow;

use portcullis_core::Timestamp;

use crate::verifier::Window;

/// The registered claims of a verified token, whatever the type of the claims is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registered {
    /// All the names, one after the other: one allocation, not one for each.
    text: Box<str>,
    issuer: Span,
    self_asserted: Span,
    subject: Span,
    token_id: Span,
    session: Span,
    client: Span,
    fingerprint: Span,
    /// The first audience, which is the only one of most tokens.
    audience: Span,
    more_audiences: Box<[Span]>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) issued_at: Option<Timestamp>,
    pub(crate) auth_time: Option<Timestamp>,
    pub(crate) generation: Option<u64>,
    /// When the rules for these times are kept.
    pub(crate) window: Window,
}

/// The names that a token has in its registered claims.
#[derive(Default)]
pub(crate) struct Names<'a> {
    /// The issuer, where it is one of many tenants.
    pub(crate) issuer: Option<&'a str>,
    /// A claim that grants something, in an object that the subject can write himself.
    pub(crate) self_asserted: Option<&'a str>,
    pub(crate) subject: Option<&'a str>,
    pub(crate) token_id: Option<&'a str>,
    pub(crate) session: Option<&'a str>,
    pub(crate) client: Option<&'a str>,
    pub(crate) fingerprint: Option<&'a str>,
    pub(crate) audience: &'a [Cow<'a, str>],
}

/// Where a name is in the text, or that there is none. The text of a token is shorter than 4 GiB: see
/// [`Limits`](crate::jws::Limits).
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// No text ends before it starts.
    const NONE: Self = Self { start: u32::MAX, end: 0 };
}

impl Default for Span {
    fn default() -> Self {
        Self::NONE
    }
}

/// Where names are written one after the other.
struct Text(String);

impl Text {
    fn put(&mut self, name: &str) -> Span {
        let start = self.0.len();
        self.0.push_str(name);
        // no such text comes through the limits; a span of none is looked up nowhere
        let place = |at: usize| u32::try_from(at).expect("a token is shorter than 4 GiB");
        Span { start: place(start), end: place(self.0.len()) }
    }

    fn put_if(&mut self, name: Option<&str>) -> Span {
        name.map_or(Span::NONE, |name| self.put(name))
    }
}

macro_rules! names {
    ($($name:ident),*) => {
        $(
            #[inline]
            pub(crate) fn $name(&self) -> Option<&str> {
                self.at(self.$name)
            }
        )*
    };
}

impl Registered {
    /// With these names, and no times.
    pub(crate) fn of(names: &Names<'_>) -> Self {
        let Names {
            issuer,
            self_asserted,
            subject,
            token_id,
            session,
            client,
            fingerprint,
            audience,
        } = *names;
        let len = |name: Option<&str>| name.map_or(0, str::len);
        let single = len(issuer)
            + len(self_asserted)
            + len(subject)
            + len(token_id)
            + len(session)
            + len(client)
            + len(fingerprint);
        let all = audience.iter().fold(single, |sum, name| sum + name.len());
        let mut text = Text(String::with_capacity(all));
        let (audience, more_audiences) = match audience {
            [] => (Span::NONE, Box::default()),
            [first, more @ ..] => {
                (text.put(first), more.iter().map(|name| text.put(name)).collect())
            }
        };
        Self {
            issuer: text.put_if(issuer),
            self_asserted: text.put_if(self_asserted),
            subject: text.put_if(subject),
            token_id: text.put_if(token_id),
            session: text.put_if(session),
            client: text.put_if(client),
            fingerprint: text.put_if(fingerprint),
            audience,
            more_audiences,
            text: text.0.into(),
            ..Self::default()
        }
    }

    /// Every span is one of this text, or of none: nothing else could be meant, and no panic has to be kept in
    /// mind where the result is not used.
    #[inline]
    fn at(&self, span: Span) -> Option<&str> {
        self.text.get(span.start as usize..span.end as usize)
    }

    names!(issuer, self_asserted, subject, token_id, session, client, fingerprint);

    pub(crate) fn audience(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.audience)
            .chain(&self.more_audiences)
            .filter_map(|&span| self.at(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_kept_under_its_own_and_none_where_there_is_none() {
        let audience = ["one", "", "three"].map(Cow::Borrowed);
        let names = Names {
            issuer: Some("issuer"),
            self_asserted: Some("self-asserted"),
            subject: Some(""),
            token_id: Some("token"),
            session: Some("session"),
            client: Some("client"),
            fingerprint: Some("fingerprint"),
            audience: &audience,
        };
        let kept = Registered::of(&names);
        assert_eq!(kept.issuer(), names.issuer);
        assert_eq!(kept.self_asserted(), names.self_asserted);
        assert_eq!(kept.subject(), names.subject);
        assert_eq!(kept.token_id(), names.token_id);
        assert_eq!(kept.session(), names.session);
        assert_eq!(kept.client(), names.client);
        assert_eq!(kept.fingerprint(), names.fingerprint);
        assert_eq!(kept.audience().collect::<Vec<_>>(), audience);
        for none in [Registered::default(), Registered::of(&Names::default())] {
            let single = [none.issuer(), none.self_asserted(), none.subject(), none.token_id()];
            assert_eq!(single, [None; 4]);
            assert_eq!([none.session(), none.client(), none.fingerprint()], [None; 3]);
            assert_eq!(none.audience().count(), 0);
        }
    }
}
