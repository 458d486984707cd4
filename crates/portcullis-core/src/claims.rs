//! The ready-made claims of an access token, for those who need no struct of their own.

mod pick;

use std::fmt;
use std::sync::OnceLock;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use self::pick::{Paths, Pick};
use crate::{Assertable, HasRoles, HasScopes};

/// The claims of an access token: subject, client, roles, scopes, and the rest as JSON.
///
/// A verifier fills the roles and scopes from where the token's issuer keeps them (its claim paths),
/// and drops those that the issuer may not assert. Deserialised by itself, it looks at `roles`, and
/// at `scope` or `scp`.
///
/// # Example
///
/// ```
/// use portcullis_core::{AccessClaims, HasRoles, HasScopes};
///
/// let claims: AccessClaims = serde_json::from_str(
///     r#"{"sub": "bob", "client_id": "app", "roles": ["reader"], "scope": "look pay", "team": 7}"#,
/// )?;
/// assert_eq!(claims.subject(), Some("bob"));
/// assert!(claims.has_role("reader") && claims.has_scope("pay"));
/// assert_eq!(claims.rest()["team"], 7);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct AccessClaims {
    subject: Option<String>,
    client: Option<String>,
    roles: Vec<String>,
    scopes: Vec<String>,
    /// The claims that roles and scopes are read from, until they were.
    picked: Vec<(Box<str>, Value)>,
    rest: Rest,
}

/// The claims that have no place of their own.
#[derive(Clone)]
enum Rest {
    Read(Map<String, Value>),
    /// Most handlers never look at them, and to read them costs more than all the others: they stay in
    /// the payload until somebody does.
    Unread {
        payload: Box<str>,
        read: OnceLock<Map<String, Value>>,
    },
}

/// The claims that have a place of their own.
const PLACED: [&str; 3] = ["sub", "client_id", "azp"];

impl AccessClaims {
    /// `sub`: whom the token speaks for.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// `client_id`, else `azp`, or the claim that the settings of the issuer name: who obtained the
    /// token.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// The roles that the token's issuer gave its subject.
    #[must_use]
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The scopes that the token was granted.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// All the other claims as they came, unfiltered: a list of roles among them may hold some that
    /// the issuer may not assert. Decide by [`roles`](Self::roles) and [`scopes`](Self::scopes).
    ///
    /// They are read when somebody first asks for them.
    #[must_use]
    pub fn rest(&self) -> &Map<String, Value> {
        match &self.rest {
            Rest::Read(map) => map,
            Rest::Unread { payload, read } => read.get_or_init(|| read_rest(payload)),
        }
    }

    /// Reads the claims but for roles and scopes: which claims those are depends on the issuer, and
    /// what stands where others keep theirs may be of any type. The verifier calls this, and then
    /// [`refill`](Self::refill); it is of no use to others.
    ///
    /// What is deserialized is this payload. Of the other claims it is seen to that they can be read.
    ///
    /// # Errors
    ///
    /// If it is no object, or if `sub`, `client_id` or `azp` is no string.
    #[doc(hidden)]
    pub fn deserialize_unfilled<'de, D: Deserializer<'de>>(
        deserializer: D,
        payload: &str,
        role_paths: &[Box<[String]>],
        scope_paths: &[Box<[String]>],
    ) -> Result<Self, D::Error> {
        let paths = Paths { roles: role_paths, scopes: scope_paths };
        let mut claims = deserializer.deserialize_map(Pick { paths })?;
        claims.rest = Rest::Unread { payload: payload.into(), read: OnceLock::new() };
        Ok(claims)
    }

    /// Reads the roles and scopes anew, from these paths or else from the usual places, and only those
    /// that may be asserted. The verifier calls this; it is of no use to others.
    ///
    /// # Errors
    ///
    /// What was expected, and where.
    #[doc(hidden)]
    pub fn refill(
        &mut self,
        role_paths: &[Box<[String]>],
        scope_paths: &[Box<[String]>],
        assertable: &Assertable,
    ) -> Result<(), String> {
        let picked = std::mem::take(&mut self.picked);
        let find = |name: &str| match &self.rest {
            Rest::Read(rest) => rest.get(name),
            Rest::Unread { .. } => {
                picked.iter().find(|(picked, _)| **picked == *name).map(|(_, value)| value)
            }
        };
        self.roles.clear();
        self.scopes.clear();
        if role_paths.is_empty() {
            collect(find, &["roles"], as_it_is, &mut self.roles)?;
        }
        for path in role_paths {
            collect(find, path, as_it_is, &mut self.roles)?;
        }
        if scope_paths.is_empty() {
            collect(find, &["scope"], split_spaces, &mut self.scopes)?;
            collect(find, &["scp"], split_spaces, &mut self.scopes)?;
        }
        for path in scope_paths {
            collect(find, path, split_spaces, &mut self.scopes)?;
        }
        self.roles.retain(|role| assertable.role(role));
        self.scopes.retain(|scope| assertable.scope(scope));
        Ok(())
    }

    /// Names the client, from the claim where the issuer has it. The verifier calls this; it is of no use
    /// to others.
    #[doc(hidden)]
    pub fn set_client(&mut self, client: Option<&str>) {
        self.client = client.map(str::to_owned);
    }

    /// With these claims in the [places](PLACED) of their own.
    fn of(placed: [Option<Value>; PLACED.len()]) -> Result<Self, String> {
        let mut texts = [const { None }; PLACED.len()];
        for ((text, value), name) in texts.iter_mut().zip(placed).zip(PLACED) {
            *text = match value {
                None => None,
                Some(Value::String(text)) => Some(text),
                Some(_) => return Err(format!("a string as `{name}`")),
            };
        }
        let [subject, client_id, azp] = texts;
        Ok(Self {
            subject,
            client: client_id.or(azp),
            roles: Vec::new(),
            scopes: Vec::new(),
            picked: Vec::new(),
            rest: Rest::Read(Map::new()),
        })
    }
}

/// Spelled as serde spells it, so that the log of the verifier shows what was expected.
fn wrong_claim<E: de::Error>(expected: String) -> E {
    E::custom(format_args!("a wrong claim, expected {expected}"))
}

/// The claims of a payload that have no place of their own.
fn read_rest(payload: &str) -> Map<String, Value> {
    let read: Result<Map<String, Value>, _> = serde_json::from_str(payload);
    let mut rest = read.expect("every value in it was seen to be readable");
    for name in PLACED {
        rest.remove(name);
    }
    rest
}

fn as_it_is(value: &str, into: &mut Vec<String>) {
    into.push(value.to_owned());
}

fn split_spaces(value: &str, into: &mut Vec<String>) {
    into.extend(value.split(' ').filter(|part| !part.is_empty()).map(str::to_owned));
}

/// Adds what stands at a path: a string, read by `one`, or an array of strings. Nothing there is fine.
fn collect<'v, N: AsRef<str>>(
    find: impl Fn(&str) -> Option<&'v Value>,
    path: &[N],
    one: impl Fn(&str, &mut Vec<String>),
    into: &mut Vec<String>,
) -> Result<(), String> {
    let Some((first, deeper)) = path.split_first() else { return Ok(()) };
    let mut value = find(first.as_ref());
    for name in deeper {
        value = value.and_then(|v| v.get(name.as_ref()));
    }
    let wrong = || {
        let names: Vec<_> = path.iter().map(AsRef::as_ref).collect();
        format!("a string or an array of strings as `{}`", names.join("."))
    };
    match value {
        None => {}
        Some(Value::String(text)) => one(text, into),
        Some(Value::Array(values)) => {
            for value in values {
                into.push(value.as_str().ok_or_else(wrong)?.to_owned());
            }
        }
        Some(_) => return Err(wrong()),
    }
    Ok(())
}

impl HasRoles for AccessClaims {
    fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|r| r == role)
    }
}

impl HasScopes for AccessClaims {
    fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|s| s == scope)
    }
}

impl<'de> Deserialize<'de> for AccessClaims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut map = deserializer.deserialize_map(ToMap)?;
        let placed = PLACED.map(|name| map.remove(name));
        let mut claims = Self::of(placed).map_err(wrong_claim)?;
        claims.rest = Rest::Read(map);
        claims.refill(&[], &[], &Assertable::anything()).map_err(wrong_claim)?;
        Ok(claims)
    }
}

impl Serialize for AccessClaims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut claims = serializer.serialize_struct("AccessClaims", 5)?;
        claims.serialize_field("subject", &self.subject)?;
        claims.serialize_field("client", &self.client)?;
        claims.serialize_field("roles", &self.roles)?;
        claims.serialize_field("scopes", &self.scopes)?;
        claims.serialize_field("rest", self.rest())?;
        claims.end()
    }
}

impl PartialEq for AccessClaims {
    fn eq(&self, other: &Self) -> bool {
        self.subject == other.subject
            && self.client == other.client
            && self.roles == other.roles
            && self.scopes == other.scopes
            && self.rest() == other.rest()
    }
}

impl fmt::Debug for AccessClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessClaims")
            .field("subject", &self.subject)
            .field("client", &self.client)
            .field("roles", &self.roles)
            .field("scopes", &self.scopes)
            .field("rest", self.rest())
            .finish()
    }
}

/// An object and nothing else.
struct ToMap;

impl<'de> de::Visitor<'de> for ToMap {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut map = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            map.insert(name, value);
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(json: &str) -> Result<AccessClaims, serde_json::Error> {
        serde_json::from_str(json)
    }

    fn path(names: &[&str]) -> Box<[String]> {
        names.iter().map(|&n| n.to_owned()).collect()
    }

    #[test]
    fn a_claim_of_the_wrong_type_is_an_error_that_names_it() {
        for (json, name) in [
            (r#"{"sub": 5}"#, "`sub`"),
            (r#"{"client_id": ["x"]}"#, "`client_id`"),
            (r#"{"azp": null}"#, "`azp`"),
            (r#"{"roles": {"admin": true}}"#, "`roles`"),
            (r#"{"roles": ["a", 1]}"#, "`roles`"),
            (r#"{"scope": 1}"#, "`scope`"),
        ] {
            let error = claims(json).unwrap_err().to_string();
            assert!(error.contains(name), "{json}: {error}");
        }
    }

    #[test]
    fn roles_and_scopes_are_compared_as_wholes_and_the_rest_is_kept() {
        let c = claims(r#"{"sub": "bob", "roles": ["lead"], "scope": "look pay", "team": 7}"#);
        let c = c.unwrap();
        assert_eq!(c.subject(), Some("bob"));
        assert!(c.has_role("lead") && !c.has_role("look") && !c.has_role("lea"));
        assert!(c.has_scope("pay") && !c.has_scope("lead") && !c.has_scope("look pay"));
        assert_eq!(c.rest().get("team"), Some(&Value::from(7)));
        assert_eq!(c.rest().get("sub"), None);
    }

    #[test]
    fn a_scope_string_is_split_and_a_role_string_is_not() {
        let c = claims(r#"{"roles": "lead accountant", "scope": "look  pay", "scp": ["x y"]}"#);
        let c = c.unwrap();
        assert_eq!(c.roles(), ["lead accountant"]);
        assert_eq!(c.scopes(), ["look", "pay", "x y"]);
    }

    #[test]
    fn client_id_wins_over_azp() {
        assert_eq!(claims(r#"{"client_id":"a","azp":"b"}"#).unwrap().client(), Some("a"));
        assert_eq!(claims(r#"{"azp":"b"}"#).unwrap().client(), Some("b"));
    }

    #[test]
    fn paths_replace_the_usual_places_and_the_limit_holds() {
        let json = r#"{"roles":["root"],"scope":"all",
            "realm_access":{"roles":["reader","admin"]},"cognito:groups":"staff","perm":["look"]}"#;
        let mut c = claims(json).unwrap();
        let may = Assertable::nothing().with_roles(["reader", "staff"]).with_scopes(["look"]);
        let roles = [path(&["realm_access", "roles"]), path(&["cognito:groups"])];
        c.refill(&roles, &[path(&["perm"])], &may).unwrap();
        assert_eq!(c.roles(), ["reader", "staff"]);
        assert_eq!(c.scopes(), ["look"]);

        let mut c = claims(json).unwrap();
        c.refill(&[path(&["realm_access", "nothing"])], &[], &Assertable::anything()).unwrap();
        assert!(c.roles().is_empty());
        assert_eq!(c.scopes(), ["all"]);
        let error = c.refill(&[path(&["realm_access"])], &[], &Assertable::anything());
        assert_eq!(error.unwrap_err(), "a string or an array of strings as `realm_access`");
    }

    #[test]
    fn what_stands_in_the_usual_places_is_looked_at_where_no_paths_are_given_and_only_there() {
        let json = r#"{"roles":null,"scope":7,"groups":["reader"],"perm":"look pay"}"#;
        let (roles, scopes) = ([path(&["groups"])], [path(&["perm"])]);
        let all = Assertable::anything();
        let read = |roles: &[Box<[String]>], scopes: &[Box<[String]>]| {
            let mut json_de = serde_json::Deserializer::from_str(json);
            let mut c =
                AccessClaims::deserialize_unfilled(&mut json_de, json, roles, scopes).unwrap();
            assert!(c.roles().is_empty() && c.scopes().is_empty());
            c.refill(roles, scopes, &all).map(|()| c)
        };
        let c = read(&roles, &scopes).unwrap();
        assert_eq!(
            (c.roles(), c.scopes()),
            (&["reader".into()][..], &["look".into(), "pay".into()][..])
        );
        assert!(read(&roles, &[]).unwrap_err().ends_with("`scope`"));
        assert!(read(&[], &scopes).unwrap_err().ends_with("`roles`"));
        assert!(claims(json).is_err());
    }

    #[test]
    fn an_array_is_not_an_object_of_claims() {
        assert!(claims(r#"["bob"]"#).is_err());
    }
}
