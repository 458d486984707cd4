//! Users: who may sign in, and as what.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Db, DbError};

/// What sign-in needs to know of a user.
pub(crate) struct User {
    /// A PHC string.
    pub(crate) password: String,
    pub(crate) role: String,
    /// Everybody knows the password.
    pub(crate) demo: bool,
}

/// A user to be added.
pub(crate) struct NewUser {
    pub(crate) name: String,
    /// A PHC string.
    pub(crate) password: String,
    pub(crate) role: &'static str,
    pub(crate) demo: bool,
}

impl Db {
    /// The user of this name.
    pub(crate) async fn user(&self, name: &str) -> Result<Option<User>, DbError> {
        let name = name.to_owned();
        self.call(move |db| {
            db.prepare_cached("SELECT password, role, demo FROM users WHERE name = ?")?
                .query_row([name], |row| {
                    Ok(User { password: row.get(0)?, role: row.get(1)?, demo: row.get(2)? })
                })
                .optional()
        })
        .await
    }

    /// Adds a user; false if there is one of that name.
    pub(crate) async fn add_user(&self, user: NewUser) -> Result<bool, DbError> {
        self.write(move |db| insert(db, &user)).await
    }

    /// True if there are no users at all.
    pub(crate) async fn has_no_users(&self) -> Result<bool, DbError> {
        self.call(|db| no_users(db)).await
    }

    /// Adds these users if there are none at all.
    pub(crate) async fn add_first_users(&self, users: Vec<NewUser>) -> Result<(), DbError> {
        self.write(move |db| {
            if no_users(db)? {
                for user in &users {
                    insert(db, user)?;
                }
            }
            Ok(())
        })
        .await
    }

    /// The names of the demo users.
    pub(crate) async fn demo_users(&self) -> Result<Vec<String>, DbError> {
        self.call(|db| {
            db.prepare("SELECT name FROM users WHERE demo")?
                .query_map([], |row| row.get(0))?
                .collect()
        })
        .await
    }
}

fn insert(db: &Connection, user: &NewUser) -> rusqlite::Result<bool> {
    let sql = "INSERT INTO users (name, password, role, demo) VALUES (?, ?, ?, ?)
               ON CONFLICT (name) DO NOTHING";
    Ok(db.execute(sql, params![user.name, user.password, user.role, user.demo])? == 1)
}

fn no_users(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row("SELECT NOT EXISTS (SELECT 1 FROM users)", [], |row| row.get(0))
}
