//! The registered claims of a token that was verified, as they are kept.

use std::borrow::Cow;

use portcullis_core::Timestamp;

use crate::verifier::Window;

/// The registered claims of a verified token, whatever the type of the claims is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registered {
    /// All the names, one after the other: one allocation, not one for each.
    text: Box<str>,
    issuer: Option<Span>,
    self_asserted: Option<Span>,
    subject: Option<Span>,
    token_id: Option<Span>,
    session: Option<Span>,
    client: Option<Span>,
    fingerprint: Option<Span>,
    /// The first audience, which is the only one of most tokens.
    audience: Option<Span>,
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

/// Where a name is in the text.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    end: usize,
}

macro_rules! names {
    ($($name:ident),*) => {
        $(
            #[inline]
            pub(crate) fn $name(&self) -> Option<&str> {
                self.$name.map(|span| self.at(span))
            }
        )*
    };
}

impl Registered {
    /// With these names, and no times.
    pub(crate) fn of(names: &Names<'_>) -> Self {
        let single = [
            names.issuer,
            names.self_asserted,
            names.subject,
            names.token_id,
            names.session,
            names.client,
            names.fingerprint,
        ];
        let len = single.into_iter().flatten().map(str::len).sum::<usize>()
            + names.audience.iter().map(|name| name.len()).sum::<usize>();
        let mut text = String::with_capacity(len);
        let mut put = |name: &str| {
            let start = text.len();
            text.push_str(name);
            Span { start, end: text.len() }
        };
        let [issuer, self_asserted, subject, token_id, session, client, fingerprint] =
            single.map(|name| name.map(&mut put));
        let mut audiences = names.audience.iter().map(|name| put(name));
        let audience = audiences.next();
        let more_audiences = audiences.collect();
        Self {
            text: text.into(),
            issuer,
            self_asserted,
            subject,
            token_id,
            session,
            client,
            fingerprint,
            audience,
            more_audiences,
            ..Self::default()
        }
    }

    /// Every span is one of this text: nothing else could be meant, and no panic has to be kept in mind where
    /// the result is not used.
    #[inline]
    fn at(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    names!(issuer, self_asserted, subject, token_id, session, client, fingerprint);

    pub(crate) fn audience(&self) -> impl Iterator<Item = &str> {
        self.audience.iter().chain(&self.more_audiences).map(|&span| self.at(span))
    }
}
