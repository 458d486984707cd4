//! Keys with a source: which may be out of reach, and has to be asked for a key that is not in the set.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use portcullis::keys::{KeySet, KeySource, KeyWait, Seek, WantedKey};
use portcullis::{Algorithm, BoxError, Issuer, Keys, Rejection, RejectionKind, Verifier, jws};
use portcullis_testing::{TestIssuer, block_on};

/// What the source is to answer when a key is sought.
#[derive(Clone, Copy)]
enum Answer {
    NotThere,
    Unavailable,
    /// After a wait, this key is there.
    Brings(&'static TestKey),
    /// There is nothing to fetch, because this key came since the set was loaded.
    NotThereButCame(&'static TestKey),
    /// It can't be known, and this key came since the set was loaded.
    UnavailableButCame(&'static TestKey),
    /// It is being fetched, and this key came since the set was loaded.
    WaitsButCame(&'static TestKey),
    /// After a wait, nothing changed.
    WaitsInVain,
    WaitFails,
}

type TestKey = portcullis::keys::VerificationKey;

struct Source {
    /// The set, by a handle without a source.
    keys: Keys,
    out: AtomicBool,
    answer: Mutex<Answer>,
    sought: AtomicUsize,
    wanted: Mutex<Vec<(Option<String>, Algorithm)>>,
}

impl KeySource for Source {
    fn check(&self) -> Result<(), BoxError> {
        if self.out.load(Ordering::Relaxed) { Err("too old".into()) } else { Ok(()) }
    }

    fn seek(&self, wanted: &WantedKey<'_>) -> Seek {
        self.sought.fetch_add(1, Ordering::Relaxed);
        let kid = wanted.untrusted_key_id().map(str::to_owned);
        self.wanted.lock().unwrap().push((kid, wanted.untrusted_algorithm()));
        match *self.answer.lock().unwrap() {
            Answer::NotThere => Seek::NotThere,
            Answer::Unavailable => Seek::Unavailable("no answer".into()),
            Answer::Brings(key) => {
                let keys = self.keys.clone();
                Seek::Wait(KeyWait::new(async move {
                    keys.replace(KeySet::new([key.clone()]));
                    Ok(())
                }))
            }
            Answer::NotThereButCame(key) => {
                self.publish(key);
                Seek::NotThere
            }
            Answer::UnavailableButCame(key) => {
                self.publish(key);
                Seek::Unavailable("no answer".into())
            }
            Answer::WaitsButCame(key) => {
                self.publish(key);
                Seek::Wait(KeyWait::new(std::future::pending()))
            }
            Answer::WaitsInVain => Seek::Wait(KeyWait::new(async { Ok(()) })),
            Answer::WaitFails => Seek::Wait(KeyWait::new(async { Err("no answer".into()) })),
        }
    }
}

impl Source {
    fn publish(&self, key: &TestKey) {
        self.keys.replace(KeySet::new([key.clone()]));
    }
}

struct Setup {
    issuer: TestIssuer,
    source: Arc<Source>,
    keys: Keys,
    verifier: Verifier,
}

/// An issuer whose source has these keys at first.
fn setup(set: impl FnOnce(&TestIssuer) -> KeySet, answer: Answer) -> Setup {
    let issuer = TestIssuer::new(Algorithm::ES256);
    let keys = Keys::from(set(&issuer));
    let source = Arc::new(Source {
        keys: keys.clone(),
        out: AtomicBool::new(false),
        answer: Mutex::new(answer),
        sought: AtomicUsize::new(0),
        wanted: Mutex::default(),
    });
    let keys = keys.with_source(Arc::clone(&source));
    let trusted = Issuer::new(issuer.name()).audience(issuer.audience()).keys(keys.clone());
    let verifier = Verifier::builder().trust(trusted).clock(issuer.clock()).build::<()>().unwrap();
    Setup { issuer, source, keys, verifier }
}

fn none(_: &TestIssuer) -> KeySet {
    KeySet::default()
}

fn ours(issuer: &TestIssuer) -> KeySet {
    KeySet::new([issuer.key().verification_key()])
}

fn leaked(issuer: &TestIssuer) -> &'static TestKey {
    Box::leak(Box::new(issuer.key().verification_key()))
}

fn kind<T>(result: Result<T, Rejection>) -> RejectionKind {
    result.map(|_| ()).unwrap_err().kind()
}

#[test]
fn an_outage_is_503_for_every_token_that_could_be_good() {
    let Setup { issuer, source, keys, verifier } = setup(ours, Answer::NotThere);
    let token = issuer.token().mint();
    // twice and once more, so that it is remembered
    for _ in 0..3 {
        verifier.verify(&token).unwrap();
    }
    source.out.store(true, Ordering::Relaxed);
    let rejection = verifier.verify(&token).unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::KeysUnavailable);
    assert_eq!(std::error::Error::source(&rejection).unwrap().to_string(), "too old");
    assert_eq!(kind(verifier.verify(issuer.token().mint())), RejectionKind::KeysUnavailable);
    assert_eq!(kind(jws::verify(&token, &keys)), RejectionKind::KeysUnavailable);
    let explained = verifier.explain(&token);
    assert_eq!(explained.rejection().unwrap().kind(), RejectionKind::KeysUnavailable);
    // what is no token is none, whoever is out of reach
    assert_eq!(kind(verifier.verify("not a token")), RejectionKind::MalformedToken);
    assert_eq!(source.sought.load(Ordering::Relaxed), 0);

    source.out.store(false, Ordering::Relaxed);
    verifier.verify(&token).unwrap();
}

#[test]
fn a_key_that_the_source_brings_is_used_at_once() {
    let other = TestIssuer::new(Algorithm::ES256);
    let Setup { issuer, source, verifier, .. } = setup(none, Answer::Brings(leaked(&other)));
    let token = issuer.token().mint();
    block_on(verifier.verify_async(&token)).unwrap();
    block_on(verifier.verify_async(&token)).unwrap();
    assert_eq!(source.sought.load(Ordering::Relaxed), 1);
    let kid = issuer.key().verification_key().key_id().map(str::to_owned);
    assert_eq!(*source.wanted.lock().unwrap(), [(kid, Algorithm::ES256)]);
}

#[test]
fn a_key_of_another_algorithm_than_those_in_the_set_is_sought_too() {
    let rsa = TestIssuer::new(Algorithm::RS256);
    let Setup { issuer, verifier, .. } = setup(ours, Answer::Brings(leaked(&rsa)));
    let token = rsa.with_name(issuer.name()).token().mint();
    block_on(verifier.verify_async(token)).unwrap();
}

/// What a source answers whose key comes between the look at the set and the question.
const CAME: [fn(&'static TestKey) -> Answer; 3] =
    [Answer::NotThereButCame, Answer::UnavailableButCame, Answer::WaitsButCame];

/// A way to have a token verified.
type Ask = fn(&Setup, &str) -> Result<(), Rejection>;

#[test]
fn a_key_that_comes_before_the_source_is_asked_is_used_whatever_it_answers() {
    let other = TestIssuer::new(Algorithm::ES256);
    for answer in CAME {
        let ask: [Ask; 4] = [
            |setup, token| setup.verifier.verify(token).map(|_| ()),
            |setup, token| block_on(setup.verifier.verify_async(token)).map(|_| ()),
            |setup, token| jws::verify(token, &setup.keys).map(|_| ()),
            |setup, token| match setup.verifier.explain(token).rejection() {
                Some(rejection) => Err(rejection.clone()),
                None => Ok(()),
            },
        ];
        for (number, ask) in ask.iter().enumerate() {
            let setup = setup(none, answer(leaked(&other)));
            let refused = ask(&setup, &setup.issuer.token().mint()).err();
            assert!(refused.is_none(), "{number}: {refused:?}");
            assert_eq!(setup.source.sought.load(Ordering::Relaxed), 1);
        }
    }
}

#[test]
fn a_set_that_changes_whenever_it_is_asked_is_asked_once() {
    let another = leaked(&TestIssuer::stranger(Algorithm::ES256));
    let expected = [
        RejectionKind::UnknownKey,
        RejectionKind::KeysUnavailable,
        // it does not wait for this one
        RejectionKind::KeysUnavailable,
    ];
    for (answer, expected) in CAME.into_iter().zip(expected) {
        let Setup { issuer, source, keys, verifier } = setup(none, answer(another));
        let token = issuer.token().mint();
        for round in 1..=3 {
            assert_eq!(kind(verifier.verify(&token)), expected);
            assert_eq!(source.sought.load(Ordering::Relaxed), 2 * round - 1);
            assert_eq!(kind(jws::verify(&token, &keys)), expected);
            assert_eq!(source.sought.load(Ordering::Relaxed), 2 * round);
        }
    }
}

#[test]
fn a_key_of_that_name_that_comes_and_did_not_sign_is_a_forgery_and_no_unknown_key() {
    let stranger = TestIssuer::stranger(Algorithm::ES256);
    let issuer = TestIssuer::new(Algorithm::ES256);
    let named = match issuer.key().verification_key().key_id() {
        Some(kid) => stranger.key().verification_key().with_key_id(kid),
        None => stranger.key().verification_key(),
    };
    let Setup { issuer, verifier, .. } =
        setup(none, Answer::NotThereButCame(Box::leak(Box::new(named))));
    let refused = kind(verifier.verify(issuer.token().mint()));
    assert_eq!(refused, RejectionKind::InvalidSignature);
}

#[test]
fn a_key_that_is_not_there_is_401_and_one_that_cannot_be_known_503() {
    let stranger = TestIssuer::stranger(Algorithm::ES256);
    for (answer, expected) in [
        (Answer::NotThere, RejectionKind::UnknownKey),
        (Answer::WaitsInVain, RejectionKind::UnknownKey),
        (Answer::Unavailable, RejectionKind::KeysUnavailable),
        (Answer::WaitFails, RejectionKind::KeysUnavailable),
    ] {
        let Setup { issuer, source, verifier, .. } = setup(none, answer);
        assert_eq!(kind(block_on(verifier.verify_async(issuer.token().mint()))), expected);
        assert_eq!(source.sought.load(Ordering::Relaxed), 1, "asked once and not in circles");
        // another's signature under the name of a key that is known is looked for nowhere
        let Setup { issuer, source, verifier, .. } = setup(ours, answer);
        let kid = issuer.key().verification_key().key_id().map(str::to_owned);
        let forged = stranger.clone().with_name(issuer.name());
        let forged = match kid {
            Some(kid) => forged.clone().with_key(forged.key().clone().with_key_id(kid)),
            None => forged,
        };
        let refused = kind(block_on(verifier.verify_async(forged.token().mint())));
        assert_eq!(refused, RejectionKind::InvalidSignature);
        assert_eq!(source.sought.load(Ordering::Relaxed), 0);
    }
}

#[test]
fn what_has_not_three_parts_is_no_token_whether_its_header_was_seen_before_or_not() {
    for answer in [Answer::NotThere, Answer::Unavailable, Answer::WaitsInVain, Answer::WaitFails] {
        let experienced = setup(ours, answer);
        experienced.verifier.verify(experienced.issuer.token().mint()).unwrap();
        // the key is withdrawn, and its header remembered
        experienced.source.keys.replace(KeySet::default());
        let token = experienced.issuer.token().mint();
        let (input, signature) = token.rsplit_once('.').unwrap();
        let (header, payload) = input.split_once('.').unwrap();
        for parts in [
            format!("{header}.{payload}.{payload}.{signature}"),
            format!("{header}...{signature}"),
            format!("{input}.{}.{}", &signature[..20], &signature[21..]),
        ] {
            for setup in [&experienced, &setup(none, answer)] {
                let refused = kind(setup.verifier.verify(&parts));
                assert_eq!(refused, RejectionKind::MalformedToken, "{parts}");
                let refused = kind(block_on(setup.verifier.verify_async(&parts)));
                assert_eq!(refused, RejectionKind::MalformedToken, "{parts}");
            }
        }
    }
}

#[test]
fn who_does_not_wait_is_told_503_and_not_401() {
    let Setup { issuer, verifier, keys, .. } = setup(none, Answer::WaitsInVain);
    let token = issuer.token().mint();
    let rejection = verifier.verify(&token).unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::KeysUnavailable);
    assert!(rejection.to_string().contains("verify_async"), "{rejection}");
    assert_eq!(kind(jws::verify(&token, &keys)), RejectionKind::KeysUnavailable);
}

#[test]
fn nobody_is_asked_for_a_secret_or_an_algorithm_that_is_not_used() {
    let Setup { source, verifier, .. } = setup(none, Answer::WaitsInVain);
    for alg in ["none", "HS256", "HS512", "XS256", "es256"] {
        let token = super::sign(format!(r#"{{"alg":"{alg}","kid":"x"}}"#).as_bytes(), b"{}");
        assert_ne!(kind(verifier.verify(token)), RejectionKind::KeysUnavailable, "{alg}");
    }
    assert_eq!(source.sought.load(Ordering::Relaxed), 0);
}

#[test]
fn what_is_wanted_shows_no_raw_text() {
    struct Shows(Mutex<String>);
    impl KeySource for Shows {
        fn check(&self) -> Result<(), BoxError> {
            Ok(())
        }
        fn seek(&self, wanted: &WantedKey<'_>) -> Seek {
            *self.0.lock().unwrap() = format!("{wanted:?}");
            Seek::NotThere
        }
    }
    let shows = Arc::new(Shows(Mutex::default()));
    let keys = Keys::from(KeySet::default()).with_source(Arc::clone(&shows));
    let token = super::sign(br#"{"alg":"ES256","kid":"a\nb"}"#, b"{}");
    assert_eq!(kind(jws::verify(token, &keys)), RejectionKind::UnknownKey);
    assert_eq!(*shows.0.lock().unwrap(), r#"WantedKey { key_id: "a\nb", algorithm: ES256 }"#);
}
