//! Signing keys that are written down: what comes back, what several processes make of it, and who may read it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use portcullis::{Algorithm, Timestamp, jws};
#[cfg(feature = "sqlite")]
use portcullis_issuer::key_store::SqliteKeys;
use portcullis_issuer::key_store::{KeyDirectory, SigningKeyStore, StoredSigningKeys};
use portcullis_issuer::{
    IssuerError, IssuerErrorKind, JwsHeader, KeyEntry, SigningKey, SigningKeys, SigningKeysBuilder,
};
use portcullis_testing::TestClock;
use tempfile::TempDir;

const HOUR: Duration = Duration::from_secs(3600);

/// A place for keys, which can be opened many times.
struct Place {
    folder: TempDir,
    sqlite: bool,
}

impl Place {
    /// One of each kind.
    fn each() -> impl Iterator<Item = Self> {
        let kinds: &[bool] = if cfg!(feature = "sqlite") { &[false, true] } else { &[false] };
        kinds.iter().map(|&sqlite| Self { folder: tempfile::tempdir().unwrap(), sqlite })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    fn open(&self) -> Result<Box<dyn SigningKeyStore>, IssuerError> {
        #[cfg(feature = "sqlite")]
        if self.sqlite {
            return Ok(Box::new(SqliteKeys::open(self.path())?));
        }
        assert!(!self.sqlite);
        Ok(Box::new(KeyDirectory::open(self.path())?))
    }

    fn process(&self, clock: &TestClock) -> StoredSigningKeys<Box<dyn SigningKeyStore>> {
        StoredSigningKeys::load_or_generate(self.open().unwrap(), Algorithm::ES256, settings(clock))
            .unwrap()
    }
}

fn settings(clock: &TestClock) -> SigningKeysBuilder {
    SigningKeys::builder().clock(clock.clone()).overlap(HOUR).publish_before(HOUR)
}

fn clock() -> TestClock {
    TestClock::new(Timestamp::from_secs(1_700_000_000))
}

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::ES256).unwrap()
}

fn current(process: &StoredSigningKeys<Box<dyn SigningKeyStore>>) -> String {
    process.keys().current().thumbprint().to_owned()
}

fn thumbprints(store: &dyn SigningKeyStore) -> Vec<String> {
    let mut all: Vec<_> =
        store.load().unwrap().iter().map(|entry| entry.key().thumbprint().to_owned()).collect();
    all.sort();
    all
}

#[test]
fn every_kind_of_key_comes_back_with_its_dates() {
    for place in Place::each() {
        let store = place.open().unwrap();
        for algorithm in Algorithm::ALL {
            let key = SigningKey::generate(algorithm).unwrap().with_key_id("../a kid\"\u{0}");
            let (created, signs) = (Timestamp::from_millis(1_234), Timestamp::from_millis(5_678));
            store.add(&KeyEntry::new(key.clone(), created).with_signs_from(signs)).unwrap();
            let entries = place.open().unwrap().load().unwrap();
            let [entry] = &entries[..] else { panic!("{algorithm}: {} entries", entries.len()) };
            assert_eq!((entry.created_at(), entry.signs_from()), (created, signs));
            assert_eq!(entry.key().key_id(), key.key_id());
            let token = entry.key().sign(&JwsHeader::new(), b"x").unwrap();
            let keys = portcullis::Keys::new([key.verification_key()]).unwrap();
            assert!(jws::verify(&token, &keys).is_ok(), "{algorithm}");
            store.remove(&key).unwrap();
            store.remove(&key).unwrap();
        }
        assert!(store.load().unwrap().is_empty());
    }
}

#[test]
fn a_ring_outlives_the_process() {
    for place in Place::each() {
        let clock = clock();
        let first = place.process(&clock);
        let signs_from = first.schedule(key()).unwrap();
        let token = first.keys().current().sign(&JwsHeader::new(), b"x").unwrap();

        let again = place.process(&clock);
        assert_eq!(current(&again), current(&first));
        assert_eq!(again.keys().jwk_set(), first.keys().jwk_set());
        clock.set(signs_from);
        assert_eq!(current(&again), current(&first));
        assert!(jws::verify(&token, &again.keys().verification_keys()).is_ok());
        // When its last token is over, it is gone from the ring and from the store.
        clock.advance(HOUR);
        again.reload().unwrap();
        assert!(jws::verify(&token, &again.keys().verification_keys()).is_err());
        assert_eq!(thumbprints(&*place.open().unwrap()), [current(&again)]);
    }
}

#[test]
fn processes_that_share_a_store_come_to_the_same_ring() {
    for place in Place::each() {
        let clock = clock();
        let (here, there) = (place.process(&clock), place.process(&clock));
        assert_eq!(current(&here), current(&there), "the second one found the first one's key");
        // Both rotate at the very same moment.
        here.schedule(key()).unwrap();
        there.schedule(key()).unwrap();
        for process in [&here, &there] {
            process.reload().unwrap();
        }
        assert_eq!(here.keys().entries().len(), 3);
        assert_eq!(here.keys().jwk_set(), there.keys().jwk_set());
        clock.advance(HOUR + Duration::from_secs(1));
        assert_eq!(current(&here), current(&there));
    }
}

#[test]
fn what_is_withdrawn_is_withdrawn_for_good() {
    for place in Place::each() {
        let clock = clock();
        let (here, there) = (place.process(&clock), place.process(&clock));
        let token = here.keys().current().sign(&JwsHeader::new(), b"x").unwrap();
        clock.advance(Duration::from_secs(1));
        here.rotate_and_revoke(key()).unwrap();
        assert_eq!(thumbprints(&*place.open().unwrap()), [current(&here)]);
        assert!(jws::verify(&token, &there.keys().verification_keys()).is_ok());
        there.reload().unwrap();
        assert!(jws::verify(&token, &there.keys().verification_keys()).is_err());
        assert_eq!(current(&there), current(&here));
    }
}

#[test]
fn rotating_keeps_the_earlier_key_for_its_tokens() {
    for place in Place::each() {
        let clock = clock();
        let process = place.process(&clock);
        let before = current(&process);
        clock.advance(Duration::from_secs(1));
        process.rotate(key()).unwrap();
        let again = place.process(&clock);
        assert_eq!(current(&again), current(&process));
        assert!(thumbprints(&*place.open().unwrap()).contains(&before));
        // A key that is there already does not get lost by being put there again.
        let same = process.keys().current();
        assert_eq!(process.rotate(same).unwrap_err().kind(), IssuerErrorKind::InvalidKey);
        assert_eq!(current(&place.process(&clock)), current(&process));
    }
}

#[test]
fn a_key_that_the_ring_refuses_leaves_the_store_as_it_was() {
    for place in Place::each() {
        let clock = clock();
        let process = place.process(&clock);
        let before = thumbprints(&*place.open().unwrap());
        // the only one there is, and another by its name
        let same = process.keys().current();
        let namesake = key().with_key_id(same.key_id());
        for refused in [same, namesake] {
            for rotate in [StoredSigningKeys::rotate, StoredSigningKeys::rotate_and_revoke] {
                let error = rotate(&process, refused.clone()).unwrap_err();
                assert_eq!(error.kind(), IssuerErrorKind::InvalidKey);
                assert_eq!(thumbprints(&*place.open().unwrap()), before);
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn what_others_can_read_is_refused_by_a_store_that_is_open_too() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;
    for place in Place::each() {
        let store = place.open().unwrap();
        let entry = KeyEntry::new(key(), Timestamp::from_secs(1));
        let good = place.path().metadata().unwrap().permissions();
        let exposed = Permissions::from_mode(good.mode() | 0o004);
        set_permissions(place.path(), exposed).unwrap();
        for error in [
            store.load().map(drop).unwrap_err(),
            store.add(&entry).unwrap_err(),
            place.open().map(drop).unwrap_err(),
        ] {
            assert_eq!(error.kind(), IssuerErrorKind::Exposed, "{error}");
        }
        set_permissions(place.path(), good).unwrap();
        assert!(store.load().unwrap().is_empty());
    }
}

/// A file that is there and can't be read might hold the key that was put in front.
#[cfg(unix)]
#[test]
fn a_file_that_can_not_be_read_or_removed_is_an_error_and_one_that_is_gone_is_not() {
    use std::io::Write as _;
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, symlink};
    let place = Place::each().next().unwrap();
    let process = place.process(&clock());
    let current = process.keys().current();
    let file = place.path().join(format!("key-{}.json", current.thumbprint()));

    // listed, and gone before it is opened
    let gone = place.path().join("key-gone.json");
    symlink(place.path().join("nowhere"), &gone).unwrap();
    assert_eq!(thumbprints(&*place.open().unwrap()), [current.thumbprint()]);
    std::fs::remove_file(gone).unwrap();

    // replaced as a whole: whoever reads it meanwhile has all of the one before
    let before = file.metadata().unwrap().ino();
    let entries = place.open().unwrap().load().unwrap();
    let held = std::fs::File::open(&file).unwrap();
    place.open().unwrap().add(&entries[0]).unwrap();
    assert_ne!(file.metadata().unwrap().ino(), before);
    assert_ne!(std::io::read_to_string(held).unwrap(), "");

    // over what a crash has left
    let left = file.with_extension("new");
    std::fs::copy(&file, &left).unwrap();
    std::fs::OpenOptions::new().append(true).open(&left).unwrap().write_all(b"more").unwrap();
    place.open().unwrap().add(&entries[0]).unwrap();
    assert_eq!(thumbprints(&*place.open().unwrap()), [current.thumbprint()]);

    std::fs::remove_file(&file).unwrap();
    std::fs::DirBuilder::new().mode(0o700).create(&file).unwrap();
    for error in [
        place.open().unwrap().load().map(drop).unwrap_err(),
        place.open().unwrap().remove(&current).unwrap_err(),
        place.open().unwrap().add(&entries[0]).unwrap_err(),
    ] {
        assert_eq!(error.kind(), IssuerErrorKind::StoreUnavailable, "{error:?}");
    }
}

/// Fails when it is told to.
struct Faulty {
    inner: Box<dyn SigningKeyStore>,
    out: AtomicBool,
}

impl SigningKeyStore for &'static Faulty {
    fn load(&self) -> Result<Vec<KeyEntry>, IssuerError> {
        self.inner.load()
    }

    fn add(&self, entry: &KeyEntry) -> Result<(), IssuerError> {
        if self.out.load(Ordering::Relaxed) {
            // any error of this crate
            return SigningKey::from_pem("no key").map(drop);
        }
        self.inner.add(entry)
    }

    fn remove(&self, key: &SigningKey) -> Result<(), IssuerError> {
        self.inner.remove(key)
    }
}

#[test]
fn a_key_that_can_not_be_written_does_not_sign() {
    let place = Place::each().next().unwrap();
    let clock = clock();
    let inner = place.open().unwrap();
    let faulty: &'static Faulty =
        Box::leak(Box::new(Faulty { inner, out: AtomicBool::new(false) }));
    let process =
        StoredSigningKeys::load_or_generate(faulty, Algorithm::ES256, settings(&clock)).unwrap();
    let before = process.keys().jwk_set();
    faulty.out.store(true, Ordering::Relaxed);
    process.schedule(key()).unwrap_err();
    process.rotate(key()).unwrap_err();
    process.rotate_and_revoke(key()).unwrap_err();
    assert_eq!(process.keys().jwk_set(), before);
}

/// Tells somebody that it was read, and gives them time to change it.
struct Slow {
    inner: Box<dyn SigningKeyStore>,
    was_read: Mutex<Option<mpsc::Sender<()>>>,
    changed: Mutex<mpsc::Receiver<()>>,
}

impl SigningKeyStore for &'static Slow {
    fn load(&self) -> Result<Vec<KeyEntry>, IssuerError> {
        let entries = self.inner.load();
        if let Some(was_read) = self.was_read.lock().unwrap().take() {
            was_read.send(()).unwrap();
            // whoever waits for this to end can't tell that they changed it
            let _ = self.changed.lock().unwrap().recv_timeout(Duration::from_millis(300));
        }
        entries
    }

    fn add(&self, entry: &KeyEntry) -> Result<(), IssuerError> {
        self.inner.add(entry)
    }

    fn remove(&self, key: &SigningKey) -> Result<(), IssuerError> {
        self.inner.remove(key)
    }
}

/// A key that was withdrawn must not be back because somebody read the store a moment before.
#[test]
fn changes_while_the_store_is_read_again_are_not_undone() {
    type Change = fn(&StoredSigningKeys<&'static Slow>, SigningKey) -> Result<(), IssuerError>;
    let changes: [Change; 3] = [
        |process, key| process.schedule(key).map(drop),
        StoredSigningKeys::rotate,
        StoredSigningKeys::rotate_and_revoke,
    ];
    for change in changes {
        let place = Place::each().next().unwrap();
        let clock = clock();
        let (changed, told) = mpsc::channel();
        let store: &'static Slow = Box::leak(Box::new(Slow {
            inner: place.open().unwrap(),
            was_read: Mutex::new(None),
            changed: Mutex::new(told),
        }));
        let process =
            StoredSigningKeys::load_or_generate(store, Algorithm::ES256, settings(&clock)).unwrap();
        clock.advance(Duration::from_secs(1));
        let (new, (was_read, read)) = (key(), mpsc::channel());
        *store.was_read.lock().unwrap() = Some(was_read);
        std::thread::scope(|scope| {
            scope.spawn(|| process.reload().unwrap());
            read.recv().unwrap();
            change(&process, new).unwrap();
            changed.send(()).unwrap();
        });
        assert_eq!(process.keys().entries().len(), thumbprints(&*place.open().unwrap()).len());
        assert_eq!(process.keys().jwk_set(), place.process(&clock).keys().jwk_set());
    }
}

/// SQLite itself does not wait where somebody writes to a file that has no write-ahead log yet.
#[cfg(feature = "sqlite")]
#[test]
fn a_file_that_somebody_else_writes_to_is_waited_for() {
    let place = Place::each().last().unwrap();
    drop(place.open().unwrap());
    let other = rusqlite::Connection::open(place.path()).unwrap();
    other.execute_batch("PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let (opened, outcome) = mpsc::channel();
        scope.spawn(move || opened.send(place.open().map(drop)));
        let waiting = outcome.recv_timeout(Duration::from_millis(200));
        assert!(matches!(waiting, Err(mpsc::RecvTimeoutError::Timeout)), "{waiting:?}");
        other.execute_batch("COMMIT").unwrap();
        outcome.recv().unwrap().unwrap();
    });
}

#[cfg(unix)]
#[test]
fn what_others_can_read_is_refused() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;
    for place in Place::each() {
        drop(place.process(&clock()));
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let mut paths = vec![place.path()];
        if !place.sqlite {
            let file = std::fs::read_dir(place.path()).unwrap().next().unwrap().unwrap().path();
            assert_eq!(mode(&file), 0o600);
            paths.push(file);
        }
        for path in paths {
            let good = mode(&path);
            assert_eq!(good & 0o077, 0, "{}", path.display());
            for exposed in [0o004, 0o040, 0o020, 0o002] {
                set_permissions(&path, Permissions::from_mode(good | exposed)).unwrap();
                let error = place.open().and_then(|store| store.load()).map(drop).unwrap_err();
                assert_eq!(error.kind(), IssuerErrorKind::Exposed, "{exposed:o}");
                assert!(error.to_string().contains("chmod"), "{error}");
            }
            set_permissions(&path, Permissions::from_mode(good)).unwrap();
            place.open().unwrap().load().unwrap();
        }
    }
}

#[test]
fn a_file_that_is_no_key_is_named_and_nothing_of_it_is_shown() {
    let place = Place::each().next().unwrap();
    drop(place.process(&clock()));
    for name in ["notes.txt", "notes.json"] {
        std::fs::write(place.path().join(name), "not a key, and no business of ours").unwrap();
    }
    std::fs::write(place.path().join("key-left.new"), "half a key, from a crash").unwrap();
    place.open().unwrap().load().unwrap();
    let canary = r#"{"created_at":1,"signs_from":1,"key":{"kty":"CANARY"}}"#;
    for text in ["", "CANARY", canary, &canary.replace("created_at", "CANARY")] {
        let file = place.path().join("key-odd.json");
        std::fs::write(&file, text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        let error = place.open().unwrap().load().unwrap_err();
        assert!(error.to_string().contains("key-odd.json"), "{error}");
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
    }
}

#[test]
fn a_place_that_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below"), folder.path().join("no/such")] {
        let error = KeyDirectory::open(&path).map(drop).unwrap_err();
        assert_eq!(error.kind(), IssuerErrorKind::StoreUnavailable, "{}", path.display());
    }
}
