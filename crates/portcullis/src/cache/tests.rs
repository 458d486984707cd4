//! What the cache of one verifier keeps, when it takes a token in, and who gets to see it.

use super::*;
use crate::keys::VerificationKey;
use crate::registered::Registered;
use crate::verifier::TrustedIssuer;
use crate::{Algorithm, Issuer, Keys};

/// Makes entries of one issuer and one key; only their texts differ.
pub(super) struct Mint {
    pub(super) token: Arc<Token<()>>,
}

impl Mint {
    pub(super) fn new() -> Self {
        let secret: Vec<u8> = (0..32).collect();
        let key = VerificationKey::from_secret(Algorithm::HS256, secret).unwrap();
        let settings = Issuer::new("https://idp.example.com")
            .audience("payroll")
            .keys(Keys::new([key.clone()]).unwrap());
        let token = Token {
            claims: (),
            registered: Registered::default(),
            issuer: Arc::new(TrustedIssuer::new(settings, true).unwrap()),
            key: Arc::new(key),
            hash: portcullis_core::TokenHash::new(),
        };
        Self { token: Arc::new(token) }
    }

    pub(super) fn entry(&self, hash: u64, text: &[u8]) -> Arc<Entry<()>> {
        Arc::new(Entry { text: text.into(), hash, token: Arc::clone(&self.token) })
    }

    /// Offers a token as often as it takes to be remembered.
    fn teach(&self, cache: &dyn Remember<()>, text: &[u8]) {
        for _ in 0..2 {
            cache.offer(cache.place(text), text, &self.token);
        }
    }
}

/// A hash of a number, as good as random (splitmix64).
pub(super) fn hash(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A token of a kilobyte that ends in a signature of its own.
fn text(n: u64) -> Vec<u8> {
    let mut text = vec![b'x'; 936];
    text.extend((0..4).flat_map(|part| format!("{:016x}", hash(4 * n + part)).into_bytes()));
    text
}

fn cache(settings: Cache) -> Box<dyn Remember<()>> {
    new(settings).unwrap()
}

fn has(cache: &dyn Remember<()>, text: &[u8]) -> bool {
    cache.get(cache.place(text), text).is_some()
}

/// What a thread finds that has not used any of it yet.
fn found_elsewhere(cache: &dyn Remember<()>, texts: &[Vec<u8>]) -> usize {
    let find = || texts.iter().filter(|text| has(cache, text)).count();
    std::thread::scope(|scope| scope.spawn(find).join().unwrap())
}

#[test]
fn a_cache_of_no_entries_or_no_bytes_is_none() {
    for settings in [Cache::off(), Cache::default().entries(0), Cache::default().bytes(0)] {
        assert!(new::<()>(settings).is_none(), "{settings:?}");
    }
    assert!(new::<()>(Cache::off().entries(1).bytes(1)).is_some());
}

#[test]
fn a_token_comes_in_when_it_is_seen_a_second_time() {
    let (mint, cache) = (Mint::new(), cache(Cache::default()));
    let (once, twice) = (text(1), text(2));
    cache.offer(cache.place(&once), &once, &mint.token);
    mint.teach(&*cache, &twice);
    assert!(!has(&*cache, &once));
    let handle = cache.get(cache.place(&twice), &twice).unwrap();
    assert!(Arc::ptr_eq(&handle.entry.token, &mint.token));
    assert!(Arc::ptr_eq(&handle.entry.token, &mint.token));
}

#[test]
fn a_flood_of_tokens_that_come_once_drives_nothing_out() {
    let (mint, cache) = (Mint::new(), cache(Cache::default().entries(64)));
    let known: Vec<_> = (0..8).map(text).collect();
    known.iter().for_each(|text| mint.teach(&*cache, text));
    for text in (100..2100).map(text) {
        cache.offer(cache.place(&text), &text, &mint.token);
    }
    assert_eq!(found_elsewhere(&*cache, &known), 8);
}

#[test]
fn no_more_tokens_are_kept_than_was_asked_for_rounded_up_to_sets() {
    let mint = Mint::new();
    let texts: Vec<_> = (0..500).map(text).collect();
    for (asked, kept) in [(1, 8), (8, 8), (9, 16), (17, 32), (64, 64)] {
        let cache = cache(Cache::default().entries(asked));
        texts.iter().for_each(|text| mint.teach(&*cache, text));
        assert_eq!(found_elsewhere(&*cache, &texts), kept, "{asked}");
    }
}

#[test]
fn text_and_claims_take_no_more_bytes_than_was_asked_for() {
    let mint = Mint::new();
    let texts: Vec<_> = (0..500).map(text).collect();
    let cache = cache(Cache::default().bytes(100 * 1024));
    texts.iter().for_each(|text| mint.teach(&*cache, text));
    // a kilobyte of text, and claims that take about as much
    let kept = found_elsewhere(&*cache, &texts);
    assert!((20..=50).contains(&kept), "{kept}");
}

#[test]
fn an_entry_is_estimated_from_its_text_and_never_at_nothing() {
    let mint = Mint::new();
    let size = |len: usize| mint.entry(0, &vec![b'x'; len]).size();
    let own = size_of::<Entry<()>>() + size_of::<Token<()>>();
    assert!(size(0) >= own && size(0) < own + 1024, "{}", size(0));
    assert_eq!(size(5000) - size(0), 2 * 5000);
}

#[test]
fn a_token_is_found_by_all_of_its_bytes() {
    let (mint, cache) = (Mint::new(), cache(Cache::default()));
    let good = text(1);
    mint.teach(&*cache, &good);
    // another beginning under the same signature has the same place
    let mut forged = good.clone();
    forged[0] = b'y';
    assert_eq!(cache.place(&forged).0, cache.place(&good).0);
    assert!(!has(&*cache, &forged));
    // and on a thread that has it at hand already
    assert!(has(&*cache, &good));
    assert!(!has(&*cache, &forged));
    for cut in [&good[1..], &good[..good.len() - 1], b""] {
        assert!(!has(&*cache, cut));
    }
    // it does not come in either by having been there under another text
    cache.offer(cache.place(&forged), &forged, &mint.token);
    cache.remove(cache.place(&forged), &forged);
    assert!(!has(&*cache, &forged) && has(&*cache, &good));
}

#[test]
fn signatures_decide_the_place_and_it_differs_between_verifiers() {
    let caches = [cache(Cache::default()), cache(Cache::default())];
    let places: std::collections::HashSet<_> =
        caches.iter().flat_map(|cache| (0..100).map(|n| cache.place(&text(n)).0)).collect();
    assert_eq!(places.len(), 200);
}

#[test]
fn another_verifier_learns_nothing() {
    let mint = Mint::new();
    let (one, other) = (cache(Cache::default()), cache(Cache::default()));
    mint.teach(&*one, &text(1));
    assert!(has(&*one, &text(1)));
    assert!(!has(&*other, &text(1)));
    // it has not even been seen there
    other.offer(other.place(&text(1)), &text(1), &mint.token);
    assert!(!has(&*other, &text(1)));
}

#[test]
fn a_token_that_is_forgotten_is_forgotten_by_all_threads_to_come() {
    let (mint, cache) = (Mint::new(), cache(Cache::default()));
    let texts = [text(1), text(2)];
    texts.iter().for_each(|text| mint.teach(&*cache, text));
    assert!(texts.iter().all(|text| has(&*cache, text)));
    cache.remove(cache.place(&texts[0]), &texts[0]);
    assert!(!has(&*cache, &texts[0]));
    assert!(has(&*cache, &texts[1]));
    assert_eq!(found_elsewhere(&*cache, &texts), 1);
}

#[test]
fn a_thread_has_a_handle_of_its_own_to_an_entry_that_all_share() {
    let (mint, cache) = (Mint::new(), cache(Cache::default()));
    let text = text(1);
    mint.teach(&*cache, &text);
    let get = || cache.get(cache.place(&text), &text).unwrap();
    let here = get();
    assert!(Arc::ptr_eq(&here, &get()));
    let there = std::thread::scope(|scope| scope.spawn(get).join().unwrap());
    assert!(!Arc::ptr_eq(&here, &there));
    assert!(Arc::ptr_eq(&here.entry, &there.entry));
}

#[test]
fn a_handle_has_passed_one_layer_at_one_version_and_no_other() {
    let handle = Handle::new(Mint::new().entry(1, b"text"));
    // the numbers of layers begin at 1
    assert!(!handle.has_passed(1, 0));
    handle.note_passed(1, 5);
    assert!(handle.has_passed(1, 5));
    assert!(!handle.has_passed(1, 6) && !handle.has_passed(2, 5) && !handle.has_passed(2, 6));
    handle.note_passed(2, 6);
    assert!(handle.has_passed(2, 6) && !handle.has_passed(1, 5));
}

#[test]
fn a_handle_has_seen_no_generation_of_keys() {
    let mint = Mint::new();
    let handle = Handle::new(mint.entry(1, b"text"));
    let keys = Keys::from((*mint.token.key).clone());
    assert_ne!(handle.keys_generation.load(Ordering::Relaxed), keys.generation());
}
