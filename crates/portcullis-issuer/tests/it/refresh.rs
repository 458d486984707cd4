//! Refresh tokens: what becomes of a session when they are used once, twice, late, or by a thief.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portcullis::{
    Clock as _, Denylist, DenylistStore, Entry, IatCutoff, MemoryStore, Revocation, Revoke,
    StoreError, StoreErrorKind, Target, Timestamp, TokenView,
};
use portcullis_core::{Revoked, Verdict};
use portcullis_issuer::refresh::{
    Family, Grant, MemoryRefreshStore, RefreshErrorKind as Kind, RefreshStore, RefreshTokens,
    Session,
};
use portcullis_testing::suite::Setup;
use portcullis_testing::{TestClock, block_on, refresh_store_tests};

const ISSUER: &str = "https://me.example";
const GRACE: Duration = Duration::from_secs(10);

async fn memory(_: Setup) -> MemoryRefreshStore {
    MemoryRefreshStore::new()
}

refresh_store_tests!(memory);

/// A store of revocations that can be out.
#[derive(Clone)]
struct Store {
    memory: MemoryStore,
    out: std::sync::Arc<AtomicBool>,
}

impl Revoke for Store {
    async fn revoke(&self, entry: Entry) -> Result<Revoked, StoreError> {
        if self.out.load(Ordering::Relaxed) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "out for a test"));
        }
        self.memory.revoke(entry).await
    }
}

struct World {
    clock: TestClock,
    store: Store,
    families: MemoryRefreshStore,
}

impl World {
    fn new() -> Self {
        let clock = TestClock::new(Timestamp::from_millis(1_700_000_000_500));
        let memory = MemoryStore::builder().with_clock(clock.clone()).build();
        let store = Store { memory, out: std::sync::Arc::default() };
        Self { clock, store, families: MemoryRefreshStore::new() }
    }

    fn rule(&self) -> impl Revocation + use<> {
        let memory = &self.store.memory;
        IatCutoff::new(memory.clone()).and(Denylist::new(memory.clone()))
    }

    fn tokens(&self) -> RefreshTokens<MemoryRefreshStore, Store, impl Revocation + use<>> {
        RefreshTokens::builder(ISSUER, self.families.clone(), self.store.clone())
            .clock(self.clock.clone())
            .revocation(self.rule())
            .build()
            .unwrap()
    }

    fn begin(&self, subject: &str) -> Session {
        block_on(self.tokens().begin(Grant::new(subject))).unwrap()
    }

    fn rotate(&self, session: &Session) -> Result<Session, Kind> {
        block_on(self.tokens().rotate(session.token())).map_err(|error| error.kind())
    }

    /// What the verifiers say of an access token of this session that was minted just now.
    fn access(&self, family: &Family) -> Verdict {
        let token = TokenView::new(ISSUER)
            .with_token_id("an access token")
            .with_session(family.session())
            .with_subject(family.subject())
            .with_issued_at(self.clock.now());
        block_on(self.rule().check(&token))
    }
}

#[test]
fn each_token_works_once_and_the_last_one_works() {
    let world = World::new();
    let mut session = world.begin("bob");
    for generation in 1..=40 {
        let next = world.rotate(&session).unwrap();
        assert_eq!(next.family().generation(), generation);
        assert_eq!(next.family().session(), session.family().session());
        assert_eq!(next.family().authenticated_at(), session.family().authenticated_at());
        assert_eq!(world.rotate(&session).unwrap_err(), Kind::Raced);
        session = next;
    }
}

#[test]
fn within_the_grace_the_loser_of_a_race_is_refused_and_the_session_goes_on() {
    let world = World::new();
    let first = world.begin("bob");
    let second = world.rotate(&first).unwrap();
    let third = world.rotate(&second).unwrap();
    world.clock.advance(GRACE - Duration::from_millis(1));
    assert_eq!(world.rotate(&first).unwrap_err(), Kind::Raced);
    assert_eq!(world.rotate(&second).unwrap_err(), Kind::Raced);
    assert!(world.access(third.family()).is_allowed());
    assert!(world.rotate(&third).is_ok());
}

#[test]
fn after_the_grace_a_token_that_comes_back_ends_the_session_for_both() {
    let world = World::new();
    let (stolen, other) = (world.begin("bob"), world.begin("bob"));
    let owner = world.rotate(&stolen).unwrap();
    world.clock.advance(GRACE);
    assert_eq!(world.rotate(&stolen).unwrap_err(), Kind::Reused);
    assert!(world.access(owner.family()).is_denied(), "its access tokens are revoked");
    assert_eq!(world.rotate(&owner).unwrap_err(), Kind::Unknown);
    assert_eq!(world.rotate(&stolen).unwrap_err(), Kind::Unknown);
    // Other sessions of the same person are none of the thief's.
    assert!(world.access(other.family()).is_allowed());
    assert!(world.rotate(&other).is_ok());
}

#[test]
fn nobody_is_taken_for_reused_while_that_can_not_be_written() {
    let world = World::new();
    let stolen = world.begin("bob");
    let owner = world.rotate(&stolen).unwrap();
    world.clock.advance(GRACE);
    world.store.out.store(true, Ordering::Relaxed);
    assert_eq!(world.rotate(&stolen).unwrap_err(), Kind::Unavailable);
    // The next attempt finds out all the same.
    world.store.out.store(false, Ordering::Relaxed);
    assert_eq!(world.rotate(&stolen).unwrap_err(), Kind::Reused);
    assert!(world.access(owner.family()).is_denied());
}

#[test]
fn what_was_never_issued_is_unknown_and_harms_nobody() {
    let world = World::new();
    let session = world.begin("bob");
    let token = session.token();
    for other in ["", "x", &token[1..], &format!("{token}A"), &token.to_lowercase()] {
        let error = block_on(world.tokens().rotate(other)).unwrap_err();
        assert_eq!(error.kind(), Kind::Unknown, "{other:?}");
    }
    // The secret is the end of it.
    let wrong = format!("{}AAAA", &token[..token.len() - 4]);
    assert_eq!(block_on(world.tokens().rotate(&wrong)).unwrap_err().kind(), Kind::Unknown);
    assert!(block_on(world.tokens().end(&wrong)).unwrap().is_none());
    assert!(world.rotate(&session).is_ok());
}

#[test]
fn a_session_ends_when_it_lies_idle_or_is_too_old() {
    let world = World::new();
    let tokens = RefreshTokens::builder(ISSUER, world.families.clone(), world.store.clone())
        .clock(world.clock.clone())
        .idle(Duration::from_secs(100))
        .lifetime(Duration::from_secs(250))
        .build()
        .unwrap();
    let rotate =
        |session: &Session| block_on(tokens.rotate(session.token())).map_err(|error| error.kind());
    let idle = block_on(tokens.begin(Grant::new("bob"))).unwrap();
    let mut session = block_on(tokens.begin(Grant::new("bob"))).unwrap();
    for _ in 0..2 {
        world.clock.advance(Duration::from_secs(99));
        session = rotate(&session).unwrap();
    }
    assert_eq!(rotate(&idle).unwrap_err(), Kind::Expired);
    world.clock.advance(Duration::from_millis(51_999));
    session = rotate(&session).unwrap();
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(rotate(&session).unwrap_err(), Kind::Expired);
    assert!(world.families.is_empty(), "what is over is forgotten");
}

#[test]
fn signing_out_ends_one_session_with_any_of_its_tokens() {
    let world = World::new();
    let (first, other) = (world.begin("bob"), world.begin("bob"));
    let second = world.rotate(&first).unwrap();
    // A page that is behind has an older one.
    let ended = block_on(world.tokens().end(first.token())).unwrap().unwrap();
    assert_eq!(ended.session(), second.family().session());
    assert!(world.access(second.family()).is_denied());
    assert_eq!(world.rotate(&second).unwrap_err(), Kind::Unknown);
    assert!(block_on(world.tokens().end(second.token())).unwrap().is_none(), "it has ended");
    assert!(world.rotate(&other).is_ok());
}

#[test]
fn signing_out_everywhere_ends_every_session_of_a_subject() {
    let world = World::new();
    let sessions = ["bob", "bob", "bob"].map(|name| world.begin(name));
    let alice = world.begin("alice");
    assert_eq!(block_on(world.tokens().end_all("bob")).unwrap(), 3);
    // what knows no session is refused by when it was issued
    let bobs = TokenView::new(ISSUER).with_token_id("x").with_subject("bob");
    assert!(block_on(world.rule().check(&bobs.with_issued_at(world.clock.now()))).is_denied());
    // The clock has moved on: a token minted by a refresh that was under way is refused too.
    world.clock.advance(Duration::from_secs(2));
    for session in &sessions {
        assert!(world.access(session.family()).is_denied());
        assert_eq!(world.rotate(session).unwrap_err(), Kind::Unknown);
    }
    assert!(world.rotate(&alice).is_ok());
    assert_eq!(block_on(world.tokens().end_all("bob")).unwrap(), 0);
    // Whoever is back waits for the end of the second of the cutoff: `wait_past_cutoff`.
    world.clock.advance(Duration::from_secs(1));
    let back = world.begin("bob");
    assert!(world.access(back.family()).is_allowed());
}

#[test]
fn an_outage_ends_nothing_and_says_so() {
    let world = World::new();
    let session = world.begin("bob");
    world.store.out.store(true, Ordering::Relaxed);
    for error in [
        block_on(world.tokens().end(session.token())).map(drop).unwrap_err(),
        block_on(world.tokens().end_all("bob")).map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind(), Kind::Unavailable);
        assert!(!error.is_refusal());
        assert_eq!(error.to_string(), "the refresh token can't be looked up at the moment");
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("out for a test"));
    }
    assert!(world.rotate(&session).is_ok(), "the session goes on");
}

/// Sessions and denials that can't be asked for as long as it is set.
#[derive(Clone)]
struct Out {
    families: MemoryRefreshStore,
    is_out: Arc<AtomicBool>,
}

impl Out {
    fn of(world: &World) -> Self {
        Self { families: world.families.clone(), is_out: Arc::new(AtomicBool::new(true)) }
    }

    fn check(&self) -> io::Result<()> {
        if self.is_out.load(Ordering::Relaxed) { Err(io::Error::other("down")) } else { Ok(()) }
    }
}

impl RefreshStore for Out {
    type Error = io::Error;

    async fn insert(&self, family: &Family, now: Timestamp) -> io::Result<()> {
        self.check()?;
        self.families.insert(family, now).await.map_err(|never| match never {})
    }

    async fn find(&self, id: &str) -> io::Result<Option<Family>> {
        self.check()?;
        self.families.find(id).await.map_err(|never| match never {})
    }

    async fn advance(&self, family: &Family) -> io::Result<bool> {
        self.check()?;
        self.families.advance(family).await.map_err(|never| match never {})
    }

    async fn remove(&self, id: &str) -> io::Result<()> {
        self.check()?;
        self.families.remove(id).await.map_err(|never| match never {})
    }

    async fn of_subject(&self, subject: &str) -> io::Result<Vec<Family>> {
        self.check()?;
        self.families.of_subject(subject).await.map_err(|never| match never {})
    }
}

impl DenylistStore for Out {
    type Error = io::Error;

    async fn is_denied(&self, _: &Target<'_>) -> io::Result<bool> {
        self.check().map(|()| false)
    }
}

#[test]
fn sessions_that_can_not_be_asked_for_are_an_outage_and_no_end() {
    let world = World::new();
    let session = world.begin("bob");
    let out = Out::of(&world);
    let tokens = RefreshTokens::builder(ISSUER, out.clone(), world.store.clone());
    let tokens = tokens.clock(world.clock.clone()).build().unwrap();
    for error in [
        block_on(tokens.begin(Grant::new("bob"))).map(drop).unwrap_err(),
        block_on(tokens.rotate(session.token())).map(drop).unwrap_err(),
        block_on(tokens.end(session.token())).map(drop).unwrap_err(),
        block_on(tokens.end_all("bob")).map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind(), Kind::Unavailable);
    }
    out.is_out.store(false, Ordering::Relaxed);
    assert!(block_on(tokens.end(session.token())).unwrap().is_some());
}

#[test]
fn a_rule_that_can_not_be_asked_is_an_outage_and_ends_nothing() {
    let world = World::new();
    let session = world.begin("bob");
    let out = Out::of(&world);
    let tokens = RefreshTokens::builder(ISSUER, world.families.clone(), world.store.clone());
    let tokens = tokens.clock(world.clock.clone()).revocation(Denylist::new(out.clone()));
    let tokens = tokens.build().unwrap();
    let error = block_on(tokens.rotate(session.token())).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    out.is_out.store(false, Ordering::Relaxed);
    assert!(block_on(tokens.rotate(session.token())).is_ok());
}

#[test]
fn what_was_granted_is_there_at_every_refresh() {
    let world = World::new();
    let grant = Grant::new("bob").scope("read write").data("since 2019");
    let session = block_on(world.tokens().begin(grant)).unwrap();
    let next = world.rotate(&session).unwrap();
    for family in [session.family(), next.family()] {
        let granted = (family.subject(), family.scope(), family.data());
        assert_eq!(granted, ("bob", Some("read write"), Some("since 2019")));
        assert_eq!(family.client(), None);
    }
}

#[test]
fn expired_sessions_are_swept_away_when_there_are_twice_as_many() {
    let world = World::new();
    let begin = |sessions: usize| {
        for _ in 0..sessions {
            world.begin("bob");
        }
        world.families.len()
    };
    assert_eq!(begin(1_025), 1_025, "the first sweep found none");
    let lives = world.begin("bob").family().expires_at();
    world.clock.set(lives);
    assert_eq!(begin(1_022), 2_048, "and there is none before the second");
    assert_eq!(begin(1), 1_023);
}

#[test]
fn a_cutoff_from_elsewhere_holds_for_sessions_that_began_before_it() {
    let world = World::new();
    let before = world.begin("bob");
    world.clock.advance(Duration::from_secs(60));
    let cutoff = Entry::not_before_now(Target::subject(ISSUER, "bob"));
    block_on(world.store.memory.revoke(cutoff)).unwrap();
    assert!(!world.families.is_empty());
    assert_eq!(world.rotate(&before).unwrap_err(), Kind::Revoked);
    assert!(world.families.is_empty(), "the session has ended");
    world.clock.advance(Duration::from_secs(1));
    let after = world.begin("bob");
    assert!(world.rotate(&after).is_ok());
}

#[test]
fn a_denial_from_elsewhere_of_the_session_or_its_client_ends_it() {
    let world = World::new();
    let tokens = world.tokens();
    let [one, two, three] =
        [(); 3].map(|()| block_on(tokens.begin(Grant::new("bob").client("web"))).unwrap());
    let rotate = |session: &Session| {
        let next = block_on(tokens.rotate_for(Some("web"), session.token()));
        next.map_err(|error| error.kind())
    };
    let deny = |target| block_on(world.store.memory.revoke(Entry::deny(target))).unwrap();
    deny(Target::session(ISSUER, one.family().session()));
    assert_eq!(rotate(&one).unwrap_err(), Kind::Revoked);
    assert!(rotate(&two).is_ok());
    deny(Target::client(ISSUER, "web"));
    assert_eq!(rotate(&three).unwrap_err(), Kind::Revoked);
}

#[test]
fn a_session_of_one_client_is_no_other_clients() {
    let world = World::new();
    let tokens = world.tokens();
    let session = block_on(tokens.begin(Grant::new("bob").client("web"))).unwrap();
    for other in [None, Some("app"), Some("Web"), Some("")] {
        let error = block_on(tokens.rotate_for(other, session.token())).unwrap_err();
        assert_eq!(error.kind(), Kind::OtherClient);
    }
    let next = block_on(tokens.rotate_for(Some("web"), session.token())).unwrap();
    assert_eq!(next.family().client(), Some("web"));
}

#[test]
fn nothing_that_is_stored_or_shown_lets_anybody_refresh() {
    let world = World::new();
    let session = world.begin("bob-canary");
    let stored = serde_json::to_string(session.family()).unwrap();
    let shown = format!("{session:?} {:?} {:?}", world.tokens(), Grant::new("bob-canary"));
    for part in session.token().as_bytes().chunks(12).skip(2) {
        let part = std::str::from_utf8(part).unwrap();
        assert!(!stored.contains(part) && !shown.contains(part), "{part}");
    }
    assert!(!shown.contains("bob-canary"), "{shown}");
    let back: Family = serde_json::from_str(&stored).unwrap();
    assert_eq!(&back, session.family());
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let builder = || RefreshTokens::builder(ISSUER, MemoryRefreshStore::new(), World::new().store);
    let second = Duration::from_secs(1);
    for (wrong, word) in [
        (builder().lifetime(Duration::ZERO), "lifetime"),
        (builder().idle(Duration::ZERO), "idle"),
        (builder().grace(Duration::ZERO), "grace"),
        (builder().lifetime(second).idle(2 * second), "idle"),
        (RefreshTokens::builder("", MemoryRefreshStore::new(), World::new().store), "issuer"),
    ] {
        let error = wrong.build().unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
    assert!(builder().lifetime(second).idle(second).build().is_ok());
}
