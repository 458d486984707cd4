//! Following: the log is a stream beside the state, the snapshot is the state itself, page by page.

use std::time::Duration;

use portcullis_core::Position;
use portcullis_core::feed::{Batch, Changes, Chunk, Epoch, Feed, FeedError, FeedErrorKind, Start};
use redis::Value;

use crate::RedisStore;
use crate::error::{corrupt, uninitialised};
use crate::link::Question;
use crate::reading::{Commands, parsed};
use crate::rows::change;
use crate::server::{confirm_primary, parse};
use crate::store::Inner;

/// Where a reader of the log is.
#[derive(Clone, Debug)]
pub struct RedisCursor {
    epoch: Epoch,
    /// The number of the last entry that was read, and its nonce: another log may have another entry there.
    entry: u64,
    nonce: String,
    /// Where the log ended when the round began, while it is not complete.
    goal: Option<u64>,
}

/// Where a reader of a snapshot is.
#[derive(Clone, Debug)]
pub struct RedisPage {
    cutoffs: bool,
    cursor: u64,
}

/// What the store says of itself.
struct Meta {
    epoch: Epoch,
    position: u64,
    /// The number and the nonce of the last entry in the log.
    logged: u64,
    nonce: String,
}

/// An entry of the log.
struct Logged {
    number: u64,
    /// The number of the entry before it.
    before: u64,
    nonce: String,
    field: String,
    row: String,
}

/// What a question about the log is for.
const WHAT: &str = "can't follow the log";

impl Inner {
    /// The questions that [`Meta::parse`] takes the answers of.
    fn ask_meta(&self) -> Commands {
        let mut commands = Commands::default();
        commands.add(["INFO", "replication"]);
        commands.add(["HMGET", &self.keys.meta, "epoch", "position", "logged", "nonce"]);
        commands
    }
}

impl Meta {
    fn parse(values: &mut impl Iterator<Item = Value>) -> Result<Self, FeedError> {
        let info = parse(&parsed::<String>(WHAT, values.next())?);
        confirm_primary(&info).map_err(|error| {
            FeedError::new(FeedErrorKind::NotPrimary, error.to_string()).with_source(error)
        })?;
        // It changes when a replica is promoted, which may lack the last writes, and when a server comes back.
        let replication = info.get("master_replid").map_or("", String::as_str);
        let (epoch, position, logged, nonce): (
            Option<String>,
            Option<u64>,
            Option<u64>,
            Option<String>,
        ) = parsed(WHAT, values.next())?;
        let Some(epoch) = epoch else { return Err(uninitialised().into()) };
        match (position, logged, nonce) {
            (Some(position), Some(logged), Some(nonce)) => {
                let epoch = Epoch::new(format!("{epoch}/{replication}"));
                Ok(Self { epoch, position, logged, nonce })
            }
            _ => Err(corrupt("the store does not say where its log ends").into()),
        }
    }
}

/// `[[id, [p, …, n, …, f, …, r, …]], …]`, as the scripts write them.
fn entries(value: Option<Value>) -> Result<Vec<Logged>, FeedError> {
    let entries: Vec<(String, Vec<String>)> = parsed(WHAT, value)?;
    let unreadable = || FeedError::from(corrupt("an entry of the log is not one of this crate"));
    let entry = |(id, parts): (String, Vec<String>)| {
        let number = id.strip_suffix("-0").and_then(|number| number.parse().ok());
        let [p, before, n, nonce, f, field, r, row] =
            <[String; 8]>::try_from(parts).map_err(|_| unreadable())?;
        if [p.as_str(), &n, &f, &r] != ["p", "n", "f", "r"] {
            return Err(unreadable());
        }
        let number = number.ok_or_else(unreadable)?;
        let before = before.parse().map_err(|_| unreadable())?;
        Ok(Logged { number, before, nonce, field, row })
    };
    entries.into_iter().map(entry).collect()
}

fn told(kind: FeedErrorKind, what: &'static str) -> FeedError {
    FeedError::new(kind, what)
}

impl Feed for RedisStore {
    type Cursor = RedisCursor;
    type Page = RedisPage;

    async fn start(&self) -> Result<Start<RedisCursor>, FeedError> {
        let inner = self.inner();
        let mut values = inner.run(&inner.following, WHAT, &inner.ask_meta()).await?.into_iter();
        let Meta { epoch, logged, nonce, .. } = Meta::parse(&mut values)?;
        inner.listener.forget(logged);
        let cursor = RedisCursor { epoch: epoch.clone(), entry: logged, nonce, goal: None };
        Ok(Start::new(epoch, cursor))
    }

    async fn snapshot(&self, page: Option<&RedisPage>) -> Result<Chunk<RedisPage>, FeedError> {
        let inner = self.inner();
        let RedisPage { cutoffs, cursor } =
            page.cloned().unwrap_or(RedisPage { cutoffs: false, cursor: 0 });
        let key = if cutoffs { &inner.keys.cutoffs } else { &inner.keys.denials };
        let mut scan = redis::cmd("HSCAN");
        scan.arg(key).arg(cursor).arg("COUNT").arg(inner.page);
        let (what, scan) = ("can't read a snapshot", Question::Command(&scan));
        // whoever follows says how long a page may take
        let (next, rows): (String, Vec<String>) =
            inner.following.ask(what, Duration::MAX, scan).await?;
        let mut changes = Changes::new();
        for pair in rows.chunks_exact(2) {
            changes.extend(change(&pair[0], &pair[1])?);
        }
        let next: u64 = next.parse().map_err(|_| corrupt("a cursor is not a number"))?;
        Ok(match (next, cutoffs) {
            (0, true) => Chunk::last(changes),
            (0, false) => Chunk::new(changes, RedisPage { cutoffs: true, cursor: 0 }),
            _ => Chunk::new(changes, RedisPage { cutoffs, cursor: next }),
        })
    }

    async fn read(&self, after: &RedisCursor) -> Result<Batch<RedisCursor>, FeedError> {
        let inner = self.inner();
        let mut commands = inner.ask_meta();
        // the entry at the cursor and what comes after it; or what comes after it, if that one is gone
        let (from, count) =
            (format!("{}-0", after.entry), inner.page.saturating_add(1).to_string());
        commands.add(["XRANGE", &inner.keys.log, &from, "+", "COUNT", &count]);
        let mut values = inner.run(&inner.following, WHAT, &commands).await?.into_iter();
        let Meta { epoch, position, logged, nonce } = Meta::parse(&mut values)?;
        if epoch != after.epoch {
            return Err(told(FeedErrorKind::NewEpoch, "the server or its epoch is another"));
        }
        if logged < after.entry {
            return Err(told(FeedErrorKind::Diverged, "the log ends before what was read of it"));
        }
        let mut found = entries(values.next())?.into_iter().peekable();
        match found.next_if(|entry| entry.number == after.entry) {
            Some(known) if known.nonce == after.nonce => {}
            Some(_) => {
                let what = "another entry stands where the log was read up to";
                return Err(told(FeedErrorKind::Diverged, what));
            }
            None => return Err(told(FeedErrorKind::Gap, "the log was trimmed beyond the cursor")),
        }

        let goal = after.goal.unwrap_or(logged);
        let mut cursor = RedisCursor { goal: None, ..after.clone() };
        let mut changes = Changes::new();
        for entry in found {
            if entry.before != cursor.entry {
                return Err(told(FeedErrorKind::Gap, "an entry of the log is missing"));
            }
            if !entry.field.is_empty() {
                changes.extend(change(&entry.field, &entry.row)?);
            }
            (cursor.entry, cursor.nonce) = (entry.number, entry.nonce);
        }
        let at_end = cursor.entry == logged;
        if at_end && cursor.nonce != nonce {
            return Err(corrupt("the log ends with another entry than the store says").into());
        }
        if cursor.entry < goal {
            if cursor.entry == after.entry {
                return Err(corrupt("the log ends before the store says").into());
            }
            cursor.goal = Some(goal);
        }
        inner.listener.note(cursor.entry);
        // at the end listings are told of too, which take positions and are in no log
        let reached = Position::new(if at_end { position } else { cursor.entry });
        let more = cursor.goal.is_some();
        Ok(Batch::new(epoch, cursor, reached, changes).with_more(more))
    }

    async fn changed(&self, after: &RedisCursor) {
        let inner = self.inner();
        inner.listener.changed(&inner.keys.log, after.entry).await;
    }

    fn reset(&self) {
        self.inner().following.reset();
    }
}
