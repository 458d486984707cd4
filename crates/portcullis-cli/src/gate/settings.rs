//! The settings of the gate's own, beside those that say whom it trusts.

use std::net::SocketAddr;

use portcullis_oidc::config::{Config, ConfigError, Environment};

/// A setting of the gate's own.
pub(crate) struct Own {
    pub(crate) variable: &'static str,
    /// For the table in docs/configuration.md, which a test compares.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test of the table"))]
    pub(crate) help: &'static str,
}

const LISTEN: &str = "PORTCULLIS_LISTEN";
const REQUIRE_ROLES: &str = "PORTCULLIS_REQUIRE_ROLES";
const REQUIRE_SCOPES: &str = "PORTCULLIS_REQUIRE_SCOPES";
const REALM: &str = "PORTCULLIS_REALM";

/// All of them.
pub(crate) const OWN: &[Own] = &[
    Own { variable: LISTEN, help: "where the gate listens; `127.0.0.1:8080` unless set" },
    Own { variable: REQUIRE_ROLES, help: "roles of which a caller must have one" },
    Own { variable: REQUIRE_SCOPES, help: "scopes of which a caller must have all" },
    Own { variable: REALM, help: "the realm of the challenge; `api` unless set" },
];

/// Their variables.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    OWN.iter().map(|own| own.variable)
}

/// What the gate was told.
pub(crate) struct Settings {
    pub(crate) trust: Config,
    pub(crate) listen: SocketAddr,
    /// One of these is needed, unless there are none.
    pub(crate) roles: Vec<String>,
    /// All of these are needed.
    pub(crate) scopes: Vec<&'static str>,
    pub(crate) realm: Option<String>,
}

impl Settings {
    pub(crate) fn from_env() -> Result<Self, ConfigError> {
        Self::read(&Environment::of_process()?.with_own(names()))
    }

    fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let trust = environment.read()?;
        let listen = match environment.own(LISTEN)? {
            None => SocketAddr::from(([127, 0, 0, 1], 8080)),
            Some(text) => text.trim().parse().map_err(|_| {
                ConfigError::about(
                    LISTEN,
                    "write an IP address and a port, such as 127.0.0.1:8080 or [::]:8080",
                )
            })?,
        };
        let scopes = list(REQUIRE_SCOPES, environment)?;
        if scopes.iter().any(|scope| !scope.bytes().all(is_scope)) {
            return Err(ConfigError::about(
                REQUIRE_SCOPES,
                "a scope is of printable ASCII without spaces, quotes and backslashes (RFC 6749 §3.3); \
                 write commas between scopes",
            ));
        }
        // they live as long as the process, as what a challenge names has to
        let scopes = scopes.into_iter().map(|scope| &*String::leak(scope)).collect();
        Ok(Self {
            trust,
            listen,
            roles: list(REQUIRE_ROLES, environment)?,
            scopes,
            realm: environment.own(REALM)?,
        })
    }
}

/// %x21 / %x23-5B / %x5D-7E.
fn is_scope(b: u8) -> bool {
    matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

fn list(variable: &str, environment: &Environment) -> Result<Vec<String>, ConfigError> {
    let Some(text) = environment.own(variable)? else { return Ok(Vec::new()) };
    let parts: Vec<_> = text.split(',').map(|part| part.trim().to_owned()).collect();
    if parts.iter().any(String::is_empty) {
        return Err(ConfigError::about(
            variable,
            "there is an empty value between two commas, or at an end",
        ));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let environment = Environment::new(variables.iter().copied()).with_own(names());
        Settings::read(&environment).map_err(|error| error.to_string())
    }

    #[test]
    fn the_page_has_them_in_these_words() {
        let page = include_str!("../../../../docs/configuration.md");
        let table = page.split("\n## Settings of the gate\n").nth(1).unwrap();
        let rows = table.lines().filter(|line| line.starts_with("| `PORTCULLIS_"));
        let expected = OWN.iter().map(|own| format!("| `{}` | {} |", own.variable, own.help));
        assert_eq!(rows.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn the_settings_of_its_own_are_read() {
        let settings =
            read(&[(LISTEN, "[::1]:0"), (REQUIRE_ROLES, "admin, reader"), (REQUIRE_SCOPES, "pay")]);
        let settings = settings.unwrap();
        assert_eq!(settings.listen.to_string(), "[::1]:0");
        assert_eq!((settings.roles.len(), settings.scopes.as_slice()), (2, ["pay"].as_slice()));
        assert_eq!(read(&[]).unwrap().listen.to_string(), "127.0.0.1:8080");
    }

    #[test]
    fn what_makes_no_sense_is_told_by_its_name() {
        for (variable, value) in [
            (LISTEN, "localhost"),
            (LISTEN, "8080"),
            (LISTEN, ""),
            (REQUIRE_ROLES, "a,,b"),
            (REQUIRE_SCOPES, "a b"),
            (REQUIRE_SCOPES, "\u{e4}"),
        ] {
            let told = read(&[(variable, value)]).err().unwrap();
            assert!(told.starts_with(variable), "{variable}={value}: {told}");
        }
        let told = read(&[("PORTCULLIS_REQUIRE_ROLE", "admin")]).err().unwrap();
        assert!(told.contains("Is PORTCULLIS_REQUIRE_ROLES meant?"), "{told}");
    }
}
