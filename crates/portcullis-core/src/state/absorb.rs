//! Carrying what one state denies over into the one that takes its place.

use std::sync::atomic::Ordering;

use super::records::Record;
use super::table::{Put, Room, Table};
use super::{Marks, State};
use crate::{StoreError, StoreErrorKind, Timestamp};

impl State {
    /// Takes in everything by which another state denies and that has not expired, one part of it at
    /// a time, so that millions of entries block nobody for long. True if there is a part after this
    /// one.
    ///
    /// What is on an allowlist is not taken over: that a token is listed there is no denial.
    ///
    /// # Errors
    ///
    /// [`Full`](StoreErrorKind::Full) at capacity.
    pub(crate) fn absorb(
        &self,
        other: &Self,
        part: usize,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut parts = 0;
        self.denied_kinds.add_all(&other.denied_kinds);
        for (mine, theirs, room) in [
            (&self.denied[0], &other.denied[0], &self.denials),
            (&self.denied[1], &other.denied[1], &self.cutoffs),
        ] {
            parts = parts.max(self.copy(&mine.now, &theirs.now, part, room, now)?);
            parts = parts.max(self.copy(&mine.pending, &theirs.pending, part, room, now)?);
        }
        for (mine, theirs) in
            [(&self.not_before, &other.not_before), (&self.collapsed, &other.collapsed)]
        {
            parts = parts.max(self.copy_marks(mine, theirs, part, now)?);
        }
        let generations = self.copy_marks(&self.generations, &other.generations, part, now)?;
        let pending_until = other.pending_until.load(Ordering::Acquire);
        self.pending_until.fetch_max(pending_until, Ordering::AcqRel);
        self.version.fetch_add(1, Ordering::AcqRel);
        Ok(part + 1 < parts.max(generations))
    }

    /// Has the versions of this state go on where those of the other one end, which is not written to
    /// any more.
    pub(crate) fn succeed(&self, other: &Self) {
        let next = other.version.load(Ordering::Acquire).saturating_add(1);
        self.version.fetch_max(next, Ordering::AcqRel);
    }

    fn copy_marks<T: Ord + Copy>(
        &self,
        mine: &Marks<T>,
        theirs: &Marks<T>,
        part: usize,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        mine.kinds.add_all(&theirs.kinds);
        self.copy(&mine.table, &theirs.table, part, &self.cutoffs, now)
    }

    /// Copies a part, and tells how many there are.
    fn copy<R: Record>(
        &self,
        mine: &Table<R>,
        theirs: &Table<R>,
        part: usize,
        room: &Room,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        for record in theirs.records_of(part) {
            if !record.expiry().is_over(now) && mine.put(record, room, now) == Put::Full {
                let message = format!("the copy is full: it holds {} such entries", room.used());
                return Err(StoreError::new(StoreErrorKind::Full, message));
            }
        }
        Ok(theirs.shards())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::state::Limits;
    use crate::{Entry, Position, Retention, Target};

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn absorbed(other: &State, now: Timestamp) -> State {
        let state = State::new(Limits::unlimited());
        let mut part = 0;
        while state.absorb(other, part, now).unwrap() {
            part += 1;
        }
        state
    }

    #[test]
    fn every_denial_is_taken_over_and_what_has_expired_is_not() {
        let old = State::new(Limits::default().denials_per_subject(0));
        let none = Duration::ZERO;
        let retention = Retention::default().leeway(none).clock_error(none).margin(none);
        let later = NOW.saturating_add(Duration::from_secs(60));
        let (bob, graced) = (Target::subject("i", "bob"), Target::token("i", "graced"));
        let names: Vec<String> = (0..5_000).map(|n| n.to_string()).collect();
        let revoke = |entry: Entry| old.revoke(&entry, &retention, NOW).unwrap();
        for (n, name) in names.iter().enumerate() {
            let exp = if n % 2 == 0 { later } else { NOW.saturating_add(Duration::from_secs(1)) };
            revoke(Entry::deny(Target::token("i", name)).expiring_at(exp));
        }
        revoke(Entry::not_before_now(bob));
        revoke(Entry::min_generation(bob, 7));
        revoke(Entry::deny(Target::key("i", "stolen")));
        revoke(Entry::deny_from(graced, later));
        revoke(Entry::deny(Target::token("i", "collapsed")).of_subject("carol"));
        let listed = Target::token("i", "listed");
        old.allow(listed, None, None, Position::new(1), &retention, NOW).unwrap();

        let soon = NOW.saturating_add(Duration::from_secs(2));
        let new = absorbed(&old, soon);
        for (n, name) in names.iter().enumerate() {
            assert_eq!(new.is_denied(&Target::token("i", name), || soon), n % 2 == 0, "{name}");
        }
        assert_eq!(new.usage().denials, 2_501);
        assert_eq!(new.cutoff(&bob), Some(NOW));
        assert_eq!(new.cutoff(&Target::subject("i", "carol")), Some(NOW));
        assert_eq!(new.min_generation(&bob), Some(7));
        assert!(new.is_denied(&Target::key("i", "stolen"), || soon));
        assert!(!new.is_denied(&graced, || soon) && new.is_denied(&graced, || later));
        assert_eq!(new.version(|| soon), None, "a denial is pending");
        assert!(!new.is_allowed(&listed));
    }

    #[test]
    fn what_the_new_state_knows_already_stays_as_strict() {
        let (old, new) = (State::new(Limits::default()), State::new(Limits::unlimited()));
        let bob = Target::subject("i", "bob");
        let later = NOW.saturating_add(Duration::from_secs(60));
        old.revoke(&Entry::not_before(bob, NOW), &Retention::default(), NOW).unwrap();
        new.revoke(&Entry::not_before(bob, later), &Retention::default(), NOW).unwrap();
        let mut part = 0;
        while new.absorb(&old, part, NOW).unwrap() {
            part += 1;
        }
        assert_eq!(new.cutoff(&bob), Some(later));
    }

    #[test]
    fn versions_go_on() {
        let (old, new) = (State::new(Limits::default()), State::new(Limits::default()));
        for n in 0..9 {
            let entry = Entry::deny(Target::token("i", &n.to_string()));
            old.revoke(&entry, &Retention::default(), NOW).unwrap();
        }
        new.succeed(&old);
        assert!(new.version(|| NOW) > old.version(|| NOW));
    }
}
