//! Where users come from: the demo users of a first visit, and the command `add-user`.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail, ensure};

use crate::cli::{AddUser, UserRole};
use crate::db::{Db, NewUser};
use crate::password;

/// A user that everybody knows the password of.
pub(crate) struct Demo {
    pub(crate) name: &'static str,
    pub(crate) password: &'static str,
    pub(crate) role: UserRole,
}

/// Those who may look, and those who may pay. They are made when there are no users yet and nobody
/// else can reach the service.
pub(crate) const DEMO: [Demo; 2] = [
    Demo { name: "bob", password: "bob-may-look", role: UserRole::Reader },
    Demo { name: "alice", password: "alice-may-pay", role: UserRole::Admin },
];

const MAX_NAME: usize = 64;
const MIN_PASSWORD: usize = 12;
const MAX_PASSWORD: usize = 1024;

/// Makes the demo users, unless there are users already.
pub(crate) async fn add_demo_users(db: &Db) -> anyhow::Result<()> {
    if !db.has_no_users().await? {
        return Ok(());
    }
    let mut users = Vec::new();
    for Demo { name, password, role } in DEMO {
        let password = password::hash(password)?;
        users.push(NewUser { name: name.into(), password, role: role.as_str(), demo: true });
    }
    Ok(db.add_first_users(users).await?)
}

/// The command `add-user`.
pub(crate) async fn add(options: AddUser) -> anyhow::Result<()> {
    let AddUser { name, role, database } = options;
    ensure!(
        is_name(&name),
        "a user's name is 1 to {MAX_NAME} of a-z, 0-9, dot, dash and underscore"
    );
    let password = read_password()?;
    check_password(&password)?;
    let db = Db::open(&database.file)?;
    let user = NewUser {
        name: name.clone(),
        password: password::hash(&password)?,
        role: role.as_str(),
        demo: false,
    };
    let added = db.add_user(user).await?;
    db.close().await;
    if !added {
        bail!("there is a user {name} in {} already", database.file.display());
    }
    writeln!(io::stdout().lock(), "Added {name}, who is {}.", a(role))?;
    Ok(())
}

fn a(role: UserRole) -> &'static str {
    match role {
        UserRole::Reader => "a reader",
        UserRole::Admin => "an admin",
    }
}

/// Names are part of paths and logs, so they are plain.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    // a path of dots would mean another path
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(plain)
        && !name.bytes().all(|b| b == b'.')
}

fn read_password() -> anyhow::Result<String> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        write!(io::stderr().lock(), "Password (it will be shown): ")?;
    }
    let mut line = String::new();
    stdin.lock().read_line(&mut line).context("reading the password from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn check_password(password: &str) -> anyhow::Result<()> {
    ensure!(
        (MIN_PASSWORD..=MAX_PASSWORD).contains(&password.len()),
        "a password is {MIN_PASSWORD} to {MAX_PASSWORD} bytes; it is read from the first line of \
         standard input"
    );
    let known = DEMO.iter().any(|demo| demo.password == password);
    ensure!(!known, "everybody knows the passwords of the demo users");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for name in ["carol", "c.arol_2-x", "7", &"x".repeat(64)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "..", "Carol", "a/b", "a b", "é", "a\n", &"x".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn passwords_are_long_enough_and_not_the_known_ones() {
        assert!(check_password("twelve bytes").is_ok());
        assert!(check_password("eleven byte").is_err());
        assert!(check_password("").is_err());
        assert!(check_password(&"x".repeat(1025)).is_err());
        for demo in DEMO {
            assert!(check_password(demo.password).is_err());
        }
    }
}
