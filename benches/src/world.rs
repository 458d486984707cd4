//! What the cases share: keys, tokens, and a store with a million revocations.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use portcullis::{Algorithm, Issuer, Keys, MemoryStore};
use portcullis_issuer::{SigningKey, SigningKeys, TokenIssuer};
use serde::{Deserialize, Serialize};

use crate::cases::revocations;

pub(crate) const ISSUER: &str = "https://login.example.com/";
pub(crate) const AUDIENCE: &str = "https://api.example.com";
pub(crate) const SECRET: &str = "a secret of sixty-four bytes, which only the benchmarks ever use";

pub(crate) const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::HS256,
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What the service wants to know of its caller. The payload has eight claims: the seven that an access
/// token must have by RFC 9068 §2.2, and roles.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    pub(crate) jti: String,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    pub(crate) client_id: String,
    pub(crate) roles: Vec<String>,
}

/// What another service wants to know, from a payload of twelve claims.
#[derive(Clone, Debug, Deserialize)]
#[expect(dead_code, reason = "they are only read from the payload")]
pub(crate) struct TwelveClaims {
    sub: String,
    jti: String,
    iat: i64,
    exp: i64,
    client_id: String,
    scope: String,
    roles: Vec<String>,
    tenant: u64,
    email: String,
}

/// How many claims there are in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    Eight,
    Twelve,
}

#[derive(Serialize)]
struct Minted<'a> {
    sub: &'a str,
    client_id: &'a str,
    roles: &'a [&'a str],
    #[serde(flatten)]
    more: Option<More<'a>>,
}

#[derive(Serialize)]
struct More<'a> {
    scope: &'a str,
    tenant: u64,
    email: &'a str,
    sid: &'a str,
}

/// Who signs, with one key.
pub(crate) struct Signer {
    pub(crate) key: SigningKey,
    pub(crate) keys: SigningKeys,
    issuer: TokenIssuer,
    tokens: [RefCell<Vec<String>>; 2],
}

impl Signer {
    fn new(algorithm: Algorithm) -> Result<Self> {
        let key = if algorithm == Algorithm::HS256 {
            SigningKey::from_secret(algorithm, SECRET)?.with_key_id("shared")
        } else {
            SigningKey::generate(algorithm)?
        };
        let keys = SigningKeys::new(key.clone());
        let issuer = TokenIssuer::builder(ISSUER, keys.clone())
            .audience(AUDIENCE)
            .typ("at+jwt")
            .lifetime(Duration::from_secs(24 * 3600))
            .build()?;
        Ok(Self { key, keys, issuer, tokens: Default::default() })
    }

    /// This many tokens, no two of them the same.
    pub(crate) fn tokens(&self, count: usize) -> Result<Vec<String>> {
        self.tokens_of(Payload::Eight, count)
    }

    /// This many tokens with such a payload, no two of them the same.
    pub(crate) fn tokens_of(&self, payload: Payload, count: usize) -> Result<Vec<String>> {
        let mut tokens = self.tokens[payload as usize].borrow_mut();
        for n in tokens.len()..count {
            let sid = format!("session-{n:08}");
            let more = More {
                scope: "openid profile payroll:read payroll:write",
                tenant: 4711,
                email: "somebody@example.com",
                sid: &sid,
            };
            let claims = Minted {
                sub: &format!("user-{n:08}"),
                client_id: "s6BhdRkqt3",
                roles: &["reader", "approver"],
                more: (payload == Payload::Twelve).then_some(more),
            };
            tokens.push(self.issuer.mint(&claims)?.into_token());
        }
        Ok(tokens[..count].to_vec())
    }

    pub(crate) fn verification_keys(&self) -> Keys {
        self.keys.verification_keys()
    }

    pub(crate) fn trusted(&self) -> Issuer {
        Issuer::new(ISSUER).audience(AUDIENCE).keys(self.verification_keys())
    }
}

/// Everything that is made once.
pub(crate) struct World {
    /// True if each case runs only once: everything is small.
    pub(crate) once: bool,
    /// The binary that counts allocations, unless this is it.
    pub(crate) counting: Option<String>,
    signers: RefCell<HashMap<Algorithm, Rc<Signer>>>,
    stores: RefCell<HashMap<usize, MemoryStore>>,
}

impl World {
    pub(crate) fn new(once: bool, counting: Option<String>) -> Self {
        Self { once, counting, signers: RefCell::default(), stores: RefCell::default() }
    }

    /// So many, or as few as do when each case runs only once.
    pub(crate) fn many(&self, count: usize) -> usize {
        if self.once { count.min(1000) } else { count }
    }

    pub(crate) fn signer(&self, algorithm: Algorithm) -> Result<Rc<Signer>> {
        if let Some(signer) = self.signers.borrow().get(&algorithm) {
            return Ok(Rc::clone(signer));
        }
        let signer = Rc::new(Signer::new(algorithm)?);
        self.signers.borrow_mut().insert(algorithm, Rc::clone(&signer));
        Ok(signer)
    }

    /// A store with a million denied tokens, none of which is ever sent.
    pub(crate) fn denied(&self) -> MemoryStore {
        self.filled(self.many(1_000_000))
    }

    /// A store with this many denied tokens.
    pub(crate) fn filled(&self, count: usize) -> MemoryStore {
        let mut stores = self.stores.borrow_mut();
        stores.entry(count).or_insert_with(|| revocations::filled(count)).clone()
    }
}
