//! The tables. Those of the revocation store are its own business, in the same file.

use rusqlite::{Connection, TransactionBehavior};

const TABLES: &str = "
    CREATE TABLE users (
        name     TEXT PRIMARY KEY,
        password TEXT NOT NULL,
        role     TEXT NOT NULL CHECK (role IN ('reader', 'admin')),
        -- one whose password everybody knows
        demo     INTEGER NOT NULL CHECK (demo IN (0, 1))
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE workers (
        id           INTEGER PRIMARY KEY,
        name         TEXT NOT NULL,
        salary_cents INTEGER NOT NULL CHECK (salary_cents >= 0)
    ) STRICT;

    CREATE TABLE payments (
        id           INTEGER PRIMARY KEY AUTOINCREMENT,
        worker_id    INTEGER NOT NULL REFERENCES workers (id),
        amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
        paid_by      TEXT NOT NULL,
        -- seconds since 1970
        paid_at      INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE signing_keys (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        -- PKCS #8
        private    BLOB NOT NULL,
        -- seconds since 1970
        created_at INTEGER NOT NULL,
        -- NULL for the one that signs
        retired_at INTEGER
    ) STRICT;

    -- Somebody to pay: there is no request that hires.
    INSERT INTO workers (name, salary_cents) VALUES
        ('Ada Lovelace', 910000), ('Grace Hopper', 985000), ('Alan Turing', 870000);
";

/// Creates the tables unless they exist.
pub(super) fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let exists = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'signing_keys')";
    if !transaction.query_row(exists, [], |row| row.get(0))? {
        transaction.execute_batch(TABLES)?;
    }
    transaction.commit()
}
