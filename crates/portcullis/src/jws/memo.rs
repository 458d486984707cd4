//! What a thread of a verifier keeps between tokens: headers that it has read before, and memory.
//!
//! An issuer writes the same header into every token. Reading it is a pure function of its bytes, so a
//! header that is remembered by all its bytes is as good as one that is read again. Only headers of
//! tokens that were verified are remembered, so that strangers drive none out.

use std::cell::RefCell;

use thread_local::ThreadLocal;

use super::{Compact, Decoder, Header, Limits, Parts};

/// How many headers a thread remembers: an issuer has one for each of its keys.
const HEADERS: usize = 8;

pub(crate) struct Scratch {
    pub(crate) decoder: Decoder,
    threads: ThreadLocal<RefCell<OfThread>>,
}

/// What one thread keeps.
#[derive(Default)]
pub(crate) struct OfThread {
    pub(crate) headers: Headers,
    pub(crate) parts: Parts,
}

/// The headers that it remembers.
#[derive(Default)]
pub(crate) struct Headers {
    known: Vec<Known>,
    next: usize,
}

/// What is known of the tokens that begin alike.
struct Known {
    text: Box<[u8]>,
    header: Header,
    /// How many characters the signature has: a key makes all of one length.
    signature: usize,
}

impl Known {
    /// Takes a token apart that begins and ends like this. There may be dots within its parts.
    fn take_apart<'a>(&self, token: &'a [u8]) -> Option<Compact<'a>> {
        let rest = token.strip_prefix(&*self.text)?.strip_prefix(b".")?;
        let (payload, signature) =
            rest.split_at_checked(rest.len().checked_sub(self.signature)?)?;
        let payload = payload.strip_suffix(b".")?;
        let signing_input = token.get(..token.len() - signature.len() - 1)?;
        let header = token.get(..self.text.len())?;
        Some(Compact { signing_input, header, payload, signature })
    }
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { decoder: Decoder::new(), threads: ThreadLocal::new() }
    }

    /// Lends what the thread keeps. Whoever asks for it while it is lent, because what is run with it verifies a
    /// token itself, gets something that is empty.
    pub(crate) fn with<T>(&self, run: impl FnOnce(&mut OfThread) -> T) -> T {
        match self.threads.get_or_default().try_borrow_mut() {
            Ok(mut thread) => {
                let result = run(&mut thread);
                thread.parts.give_back();
                result
            }
            Err(_) => run(&mut OfThread::default()),
        }
    }
}

impl Headers {
    /// A token whose header is remembered, taken apart without looking for the dots. Where it is not as it seems,
    /// there is a dot in one of its parts, which is no base64: such a token is refused, and [`Compact::split`] says
    /// why.
    pub(crate) fn take_apart<'a>(
        &self,
        token: &'a [u8],
        limits: Limits,
    ) -> Option<(Compact<'a>, &Header)> {
        if !limits.allow(token) {
            return None;
        }
        self.known.iter().find_map(|known| Some((known.take_apart(token)?, &known.header)))
    }

    /// The header of a token, if it is remembered.
    pub(crate) fn get(&self, compact: &Compact<'_>) -> Option<&Header> {
        let mut known = self.known.iter();
        known.find(|known| *known.text == *compact.header).map(|known| &known.header)
    }

    /// Remembers the header of a token that was verified.
    pub(crate) fn insert(&mut self, compact: &Compact<'_>, header: Header) {
        let signature = compact.signature.len();
        let entry = Known { text: compact.header.into(), header, signature };
        if self.known.len() < HEADERS {
            self.known.push(entry);
        } else {
            self.known[self.next] = entry;
            self.next = (self.next + 1) % HEADERS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parts::KEPT;
    use super::*;

    #[test]
    fn a_thread_keeps_the_memory_of_usual_tokens_and_not_that_of_the_largest() {
        let scratch = Scratch::new();
        let after = |characters: usize| {
            let token = format!("h.{}.s", "A".repeat(characters));
            let compact = Compact::split(token.as_bytes(), Limits::default().token(usize::MAX));
            let compact = compact.unwrap();
            scratch.with(|thread| thread.parts.decode(&compact, &scratch.decoder));
            scratch.with(|thread| thread.parts.room())
        };
        let usual = after(16 * 1024);
        assert!(usual >= 16 * 1024);
        assert_eq!(after(100), usual);
        assert!(after(KEPT / 2) > KEPT / 2);
        assert_eq!(after(KEPT), 0);
        assert!(after(100) < 200);
    }

    #[test]
    fn the_headers_of_the_last_tokens_are_remembered() {
        let mut headers = Headers::default();
        let tokens: Vec<_> =
            (0..2 * HEADERS).map(|n| format!("header{n}.payload.signature")).collect();
        fn split(token: &str) -> Compact<'_> {
            Compact::split(token.as_bytes(), Limits::default()).unwrap()
        }
        for (newest, token) in tokens.iter().enumerate() {
            assert!(headers.get(&split(token)).is_none());
            let header = Header::read(&split("eyJhbGciOiJIUzI1NiJ9..")).unwrap();
            headers.insert(&split(token), header);
            for (n, token) in tokens[..=newest].iter().enumerate() {
                let known = headers.get(&split(token)).is_some();
                assert_eq!(known, newest - n < HEADERS, "{n} of {newest}");
                let taken_apart = headers.take_apart(token.as_bytes(), Limits::default());
                assert_eq!(taken_apart.is_some(), known, "{n} of {newest}");
            }
        }
        let too_large = Limits::default().token(tokens[15].len() - 1);
        assert!(headers.take_apart(tokens[15].as_bytes(), too_large).is_none());
    }
}
