//! The statements, with the name of the schema in them.

use portcullis_core::StoreError;

use crate::error::invalid;

/// The tables and functions, to be made in a schema that is the first of the search path.
pub(crate) const SCHEMA: &str = include_str!("schema.sql");

/// The version of [`SCHEMA`].
pub(crate) const VERSION: i32 = 1;

pub(crate) struct Sql {
    /// The name of the schema, quoted.
    schema: String,
    /// Who listens here is told of writes.
    pub(crate) channel: String,
    pub(crate) version: String,
    pub(crate) facts: String,
    pub(crate) is_allowed: String,
    pub(crate) usage: String,
    pub(crate) revoke: String,
    pub(crate) list: String,
    pub(crate) initialise: String,
    pub(crate) notify: String,
    pub(crate) purge: String,
    pub(crate) start: String,
    pub(crate) read: String,
    pub(crate) snapshot: String,
}

impl Sql {
    pub(crate) fn new(name: &str) -> Result<Self, StoreError> {
        // the server would cut it, and listen to another channel than it notifies
        if name.is_empty() || name.len() > 50 || name.contains('\0') {
            return Err(invalid(
                "the name of the schema is empty, has a zero, or is longer than 50 bytes",
            ));
        }
        let s = quoted(name);
        // what every question is answered with, so that no answer of another server or store is taken for one of this
        let status = format!(
            "SELECT pg_is_in_recovery(), {s}.is_initialised(), (SELECT epoch::text FROM {s}.meta),
                    (SELECT xid::text::bigint FROM {s}.facts ORDER BY xid DESC LIMIT 1), {s}.now_ms($1)"
        );
        let epoch = format!(
            "SELECT pg_is_in_recovery(), {s}.is_initialised(),
                    CASE WHEN pg_is_in_recovery() THEN NULL ELSE {s}.current_epoch() END,
                    pg_current_snapshot()::text"
        );
        let columns = "f.rule, f.kind, f.issuer, f.id, f.value, f.keep_until";
        Ok(Self {
            channel: format!("portcullis:{name}"),
            version: format!("SELECT version FROM {s}.meta"),
            facts: format!(
                "{status}, f.rule, f.value FROM (SELECT) one LEFT JOIN (
                     SELECT known.rule, known.value
                     FROM unnest($2::text[], $3::text[], $4::bytea[], $5::bytea[]) AS t (rule, kind, issuer, id)
                     JOIN {s}.facts known ON known.key = {s}.fact_key(t.rule, t.kind, t.issuer, t.id)
                 ) f ON true"
            ),
            is_allowed: format!("{status}, {s}.is_allowed($2, $3, $4)"),
            usage: format!("SELECT room, sum(rows)::bigint FROM {s}.usage GROUP BY room"),
            revoke: format!(
                "SELECT status, \"position\", cutoff
                 FROM {s}.revoke($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
            ),
            list: format!(
                "SELECT status, \"position\" FROM {s}.list($1, $2, $3, $4, $5, $6, $7, $8, $9)"
            ),
            initialise: format!("SELECT status, done FROM {s}.initialise($1, $2, $3, $4)"),
            // nobody waits for the disk for a wake-up
            notify: "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)".to_owned(),
            purge: format!("SELECT {s}.purge(({s}.now_ms($1) / 1000)::bigint, $2)"),
            start: epoch.clone(),
            read: format!(
                "{epoch}, {columns} FROM (SELECT) one LEFT JOIN (
                     SELECT * FROM {s}.facts WHERE xid >= $1::text::xid8 ORDER BY xid LIMIT $2
                 ) f ON true"
            ),
            snapshot: format!(
                "SELECT pg_is_in_recovery(), f.key, {columns} FROM {s}.facts f
                 WHERE f.key > $1 ORDER BY f.key LIMIT $2"
            ),
            schema: s,
        })
    }

    /// Makes what is missing, once, whoever else tries at the same time.
    pub(crate) fn migration(&self, from: i32) -> String {
        // one lock for all schemas: to make one is rare
        let lock = "SELECT pg_advisory_xact_lock(8100481127438254)";
        let s = &self.schema;
        match from {
            // Whoever gets the lock after somebody else finds the tables there and fails, and then looks at what they are.
            0 => format!(
                "BEGIN; {lock}; CREATE SCHEMA IF NOT EXISTS {s}; SET LOCAL search_path = {s}, pg_temp;
                 {SCHEMA}; COMMIT"
            ),
            _ => "SELECT 1".to_owned(),
        }
    }

    /// The statement that listens.
    pub(crate) fn listen(&self) -> String {
        format!("LISTEN {}", quoted(&self.channel))
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
