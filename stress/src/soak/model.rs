//! What may be answered. Of every token it is known when what was done to it began and when it was done;
//! in between, either answer is right.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use portcullis::{Clock, SystemClock, Timestamp};

/// When something began, and when it was done, if it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) began: Timestamp,
    pub(crate) done: Option<Timestamp>,
}

impl Span {
    fn now() -> Self {
        Self { began: now(), done: None }
    }

    /// True if it was done before the request was sent.
    fn is_before(&self, request: &Exchange) -> bool {
        self.done.is_some_and(|done| done < request.sent)
    }

    /// True if it had begun before the answer came.
    fn may_count(&self, request: &Exchange) -> bool {
        self.began <= request.answered
    }
}

pub(crate) fn now() -> Timestamp {
    SystemClock::new().now()
}

/// A token that was minted.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) kid: String,
    pub(crate) issued: Timestamp,
    pub(crate) expires: Timestamp,
    denied: Mutex<Option<Span>>,
}

impl Token {
    pub(crate) fn new(
        text: String,
        id: String,
        subject: String,
        kid: String,
        times: [Timestamp; 2],
    ) -> Self {
        let [issued, expires] = times;
        Self { text, id, subject, kid, issued, expires, denied: Mutex::default() }
    }

    fn denied(&self) -> MutexGuard<'_, Option<Span>> {
        self.denied.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request and its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    pub(crate) sent: Timestamp,
    pub(crate) answered: Timestamp,
}

/// A cutoff of a subject: tokens issued up to the second in which it was done are refused.
#[derive(Clone, Copy, Debug)]
struct Cutoff {
    span: Span,
    /// What the store said the cutoff is.
    cutoff: Option<Timestamp>,
}

/// Everything that was done.
#[derive(Debug, Default)]
pub(crate) struct Model {
    cutoffs: RwLock<HashMap<String, Vec<Cutoff>>>,
    withdrawn: RwLock<HashMap<String, Span>>,
    faults: RwLock<Vec<(&'static str, Span)>>,
}

/// For how long after a fault its traces may show: requests that waited in a queue, a busy timeout.
const GRACE: Duration = Duration::from_secs(2);

impl Model {
    /// A denial of the token begins.
    pub(crate) fn deny_begins(&self, token: &Token) {
        token.denied().get_or_insert_with(Span::now);
    }

    /// A denial of the token was acknowledged.
    pub(crate) fn deny_done(&self, token: &Token) {
        if let Some(span) = token.denied().as_mut() {
            span.done = Some(now());
        }
    }

    /// A cutoff of the subject begins; gives what to end it by.
    pub(crate) fn cutoff_begins(&self, subject: &str) -> usize {
        let mut all = write(&self.cutoffs);
        let cutoffs = all.entry(subject.to_owned()).or_default();
        cutoffs.push(Cutoff { span: Span::now(), cutoff: None });
        cutoffs.len() - 1
    }

    /// A cutoff of the subject was acknowledged.
    pub(crate) fn cutoff_done(&self, subject: &str, at: usize, cutoff: Timestamp) {
        if let Some(known) = write(&self.cutoffs).get_mut(subject).and_then(|all| all.get_mut(at)) {
            known.cutoff = Some(cutoff);
            known.span.done = Some(now());
        }
    }

    /// These keys are about to be withdrawn.
    pub(crate) fn withdrawal_begins(&self, kids: &[String]) {
        let mut withdrawn = write(&self.withdrawn);
        for kid in kids {
            withdrawn.entry(kid.clone()).or_insert_with(Span::now);
        }
    }

    /// These keys are withdrawn.
    pub(crate) fn withdrawal_done(&self, kids: &[String]) {
        let mut withdrawn = write(&self.withdrawn);
        for kid in kids {
            if let Some(span) = withdrawn.get_mut(kid) {
                span.done.get_or_insert_with(now);
            }
        }
    }

    /// A fault of the store begins.
    pub(crate) fn fault_begins(&self, name: &'static str) {
        write(&self.faults).push((name, Span::now()));
    }

    /// The last fault is over.
    pub(crate) fn fault_ends(&self) {
        if let Some((_, span)) = write(&self.faults).last_mut() {
            span.done = Some(now());
        }
    }

    /// True if no fault was on while the request was, or shortly before.
    pub(crate) fn was_calm(&self, request: &Exchange) -> bool {
        let faults = self.faults.read().unwrap_or_else(PoisonError::into_inner);
        !faults.iter().rev().take(3).any(|(_, span)| {
            let over = span.done.map(|done| done.saturating_add(GRACE));
            span.may_count(request) && over.is_none_or(|over| over >= request.sent)
        })
    }

    /// Why this answer to a token of the issuer's is wrong, if it is.
    pub(crate) fn judge(
        &self,
        token: &Token,
        request: &Exchange,
        answer: &str,
    ) -> Result<(), String> {
        let [denied, cut_off, withdrawn] = self.knows(token, request);
        let expired = [token.expires <= request.sent, token.expires <= request.answered];
        let (right, why) = match answer {
            "200" => {
                (!(denied[0] || cut_off[0] || withdrawn[0] || expired[0]), "it no longer worked")
            }
            "401 revoked" => (denied[1] || cut_off[1], "nobody had revoked it"),
            "401 expired" => (expired[1], "it was not expired"),
            "401 unknown-key" | "401 algorithm-not-allowed" => {
                (withdrawn[1], "nobody had withdrawn its key")
            }
            "503 revocation-unavailable" => (!self.was_calm(request), "no fault was on"),
            _ => (false, "no such answer is foreseen"),
        };
        if right {
            return Ok(());
        }
        let Token { id, subject, kid, issued, expires, .. } = token;
        let Exchange { sent, answered } = request;
        let faults = self.faults.read().unwrap_or_else(PoisonError::into_inner);
        Err(format!(
            "{answer}, and {why}: token {id} of {subject} under {kid}, issued {issued}, expires \
             {expires}; sent {sent}, answered {answered}; the last fault was {:?}",
            faults.last()
        ))
    }

    /// Of a denial, a cutoff and a withdrawal: whether it was done before, and whether it may count.
    fn knows(&self, token: &Token, request: &Exchange) -> [[bool; 2]; 3] {
        let denied = token
            .denied()
            .map_or([false; 2], |span| [span.is_before(request), span.may_count(request)]);
        let cutoffs = self.cutoffs.read().unwrap_or_else(PoisonError::into_inner);
        let mut cut_off = [false; 2];
        for Cutoff { span, cutoff } in cutoffs.get(&token.subject).into_iter().flatten() {
            // whole seconds on both sides; one that was never acknowledged may be at any time
            let covers = cutoff.is_none_or(|cutoff| token.issued.as_secs() <= cutoff.as_secs());
            cut_off[0] |= covers && cutoff.is_some() && span.is_before(request);
            cut_off[1] |= covers && span.may_count(request);
        }
        let withdrawn = self.withdrawn.read().unwrap_or_else(PoisonError::into_inner);
        let withdrawn = withdrawn
            .get(&token.kid)
            .map_or([false; 2], |span| [span.is_before(request), span.may_count(request)]);
        [denied, cut_off, withdrawn]
    }
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// The tokens that clients draw from: the youngest some thousand.
#[derive(Debug, Default)]
pub(crate) struct Pool(RwLock<Vec<Arc<Token>>>);

impl Pool {
    const SIZE: usize = 2_000;

    /// Adds a token, and forgets one of the oldest.
    pub(crate) fn add(&self, token: Token) {
        let mut tokens = write(&self.0);
        if tokens.len() >= Self::SIZE {
            tokens.remove(0);
        }
        tokens.push(Arc::new(token));
    }

    /// One of the tokens: the larger the share, the younger.
    pub(crate) fn draw(&self, share: f64) -> Option<Arc<Token>> {
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let at = (tokens.len() as f64 * share) as usize;
        tokens.get(at.min(tokens.len().checked_sub(1)?)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(model: &Model) -> Token {
        let (issued, expires) = (now(), now().saturating_add(Duration::from_secs(60)));
        assert!(model.was_calm(&exchange()));
        Token::new("t".into(), "1".into(), "bob".into(), "k".into(), [issued, expires])
    }

    fn exchange() -> Exchange {
        // what was done in the same millisecond may have been before or after
        let sent = next_millisecond();
        Exchange { sent, answered: next_millisecond() }
    }

    /// Waits until the clock has left this millisecond and the one after it.
    fn next_millisecond() -> Timestamp {
        let before = now().as_millis();
        loop {
            let after = now();
            if after.as_millis() > before + 1 {
                return after;
            }
            std::thread::yield_now();
        }
    }

    fn check(model: &Model, token: &Token, right: &[&str]) {
        for answer in [
            "200",
            "401 revoked",
            "401 expired",
            "401 unknown-key",
            "503 revocation-unavailable",
            "500",
        ] {
            let judged = model.judge(token, &exchange(), answer);
            assert_eq!(judged.is_ok(), right.contains(&answer), "{answer}: {judged:?}");
        }
    }

    #[test]
    fn while_something_is_being_done_either_answer_is_right_and_afterwards_one() {
        let model = Model::default();
        let denied = token(&model);
        check(&model, &denied, &["200"]);
        model.deny_begins(&denied);
        check(&model, &denied, &["200", "401 revoked"]);
        model.deny_done(&denied);
        check(&model, &denied, &["401 revoked"]);

        let cut_off = token(&model);
        let at = model.cutoff_begins("bob");
        check(&model, &cut_off, &["200", "401 revoked"]);
        model.cutoff_done("bob", at, cut_off.issued.saturating_sub(Duration::from_secs(5)));
        check(&model, &cut_off, &["200"]);
        let at = model.cutoff_begins("bob");
        model.cutoff_done("bob", at, cut_off.issued);
        check(&model, &cut_off, &["401 revoked"]);

        let withdrawn = Token { subject: "eve".into(), ..token(&model) };
        model.withdrawal_begins(&["k".to_owned()]);
        check(&model, &withdrawn, &["200", "401 unknown-key"]);
        model.withdrawal_done(&["k".to_owned()]);
        check(&model, &withdrawn, &["401 unknown-key"]);
    }

    #[test]
    fn an_outage_is_right_only_during_a_fault_and_expiry_only_after_its_time() {
        let model = Model::default();
        let good = token(&model);
        model.fault_begins("slow");
        check(&model, &good, &["200", "503 revocation-unavailable"]);
        let expired = Token { expires: now(), ..token(&Model::default()) };
        check(&Model::default(), &expired, &["401 expired"]);
    }
}
