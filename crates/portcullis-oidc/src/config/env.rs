//! The environment: which variables are there, what they mean, and what is wrong with them.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::issuer::without_line_break;
use super::nearest::nearest;
use super::settings::Form;
use super::{Config, ConfigError, IssuerConfig, SETTINGS, Scope, Setting};

const PREFIX: &str = "PORTCULLIS_";

/// The variables that start with `PORTCULLIS_`.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    own: Vec<&'static str>,
}

/// A variable's value, and how the user would call it.
struct Given {
    setting: &'static Setting,
    issuer: Option<u16>,
    value: String,
    written: String,
}

impl Environment {
    /// The variables of this process.
    ///
    /// # Errors
    ///
    /// If one that starts with `PORTCULLIS_` is not UTF-8.
    pub fn of_process() -> Result<Self, ConfigError> {
        let mut variables = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            let value = value.into_string();
            let value = value.map_err(|_| ConfigError::about(name, "the value is not UTF-8"))?;
            variables.push((name.to_owned(), value));
        }
        Ok(Self::new(variables))
    }

    /// These variables, of which those that start with `PORTCULLIS_` count.
    pub fn new<N: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        let variables = variables.filter(|(name, _): &(String, _)| name.starts_with(PREFIX));
        Self { variables: variables.collect(), own: Vec::new() }
    }

    /// Allows settings of the program's own beside [`SETTINGS`], by their variables' names; read them by
    /// [`own`](Self::own).
    #[must_use]
    pub fn with_own(mut self, variables: impl IntoIterator<Item = &'static str>) -> Self {
        self.own.extend(variables);
        self
    }

    /// The value of one of the program's own settings, in either form.
    ///
    /// # Errors
    ///
    /// If it is empty, there twice, or its file can't be read.
    pub fn own(&self, variable: &str) -> Result<Option<String>, ConfigError> {
        self.value(variable).map(|found| found.map(|(value, _)| value))
    }

    /// True if no setting of [`SETTINGS`] is there.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        !self.variables.keys().any(|name| {
            !self.own.iter().any(|own| name.strip_suffix("_FILE").unwrap_or(name) == *own)
        })
    }

    /// Reads the configuration.
    ///
    /// # Errors
    ///
    /// If a variable is unknown, empty or makes no sense, and if the file that `PORTCULLIS_CONFIG` names
    /// can't be read.
    pub fn read(&self) -> Result<Config, ConfigError> {
        let given = self.given()?;
        let (mut of_all, mut written_of_all) = (Map::new(), HashMap::new());
        let mut of_issuers: BTreeMap<Option<u16>, (Map<String, Value>, HashMap<_, _>)> =
            BTreeMap::new();
        for given in given {
            let name = given.setting.name;
            let value = given.as_json()?;
            if given.setting.scope == Scope::All {
                of_all.insert(name.to_owned(), value);
                written_of_all.insert(name, given.written);
                continue;
            }
            let (fields, written) = of_issuers.entry(given.issuer).or_default();
            fields.insert(name.to_owned(), value);
            written.insert(name, given.written);
        }
        if let Some(path) = of_all.remove("config") {
            if !of_all.is_empty() || !of_issuers.is_empty() {
                return Err(ConfigError::about(
                    "PORTCULLIS_CONFIG",
                    "the file says everything; unset the other variables, or this one",
                ));
            }
            return from_file(Path::new(path.as_str().unwrap_or_default()));
        }
        if of_issuers.contains_key(&None) && of_issuers.len() > 1 {
            return Err(ConfigError::new(
                "there are variables with a number (PORTCULLIS_1_ISSUER) and without: number all of \
                 them, or none",
            ));
        }
        let mut config: Config = fields(Value::Object(of_all))?;
        config.written = written_of_all;
        for (number, (found, mut written)) in of_issuers {
            // what is missing is told by the name that it would have
            for setting in SETTINGS.iter().filter(|setting| setting.scope == Scope::Issuer) {
                written.entry(setting.name).or_insert_with(|| variable(setting, number));
            }
            let mut issuer: IssuerConfig = fields(Value::Object(found))?;
            issuer.written = written;
            config.issuers.push(issuer);
        }
        Ok(config)
    }

    /// The variables that are there, each found to be a setting.
    fn given(&self) -> Result<Vec<Given>, ConfigError> {
        let mut given = Vec::new();
        for name in self.variables.keys() {
            let base = name.strip_suffix("_FILE").filter(|base| self.knows(base)).unwrap_or(name);
            if self.own.contains(&base) {
                continue;
            }
            // the other form of the same setting is found by either name
            if base != name && self.variables.contains_key(base) {
                return Err(ConfigError::about(
                    base,
                    format_args!("{name} is set as well; unset one of them"),
                ));
            }
            let Some((setting, issuer)) = parse(base) else { return Err(self.unknown(name)) };
            if setting.name == "config" && base != name {
                return Err(ConfigError::about(
                    name,
                    "write PORTCULLIS_CONFIG: it is the path of a file itself",
                ));
            }
            if let Some((value, written)) = self.value(base)? {
                given.push(Given { setting, issuer, value, written });
            }
        }
        Ok(given)
    }

    fn knows(&self, name: &str) -> bool {
        self.own.contains(&name) || parse(name).is_some()
    }

    /// The value of a variable in either form, and how to call it.
    fn value(&self, name: &str) -> Result<Option<(String, String)>, ConfigError> {
        let by_file = format!("{name}_FILE");
        let (value, written) = match (self.variables.get(name), self.variables.get(&by_file)) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                return Err(ConfigError::about(
                    name,
                    format_args!("{by_file} is set as well; unset one of them"),
                ));
            }
            (Some(value), None) => (value.clone(), name.to_owned()),
            (None, Some(path)) => {
                let text = fs::read_to_string(path).map_err(|error| {
                    ConfigError::about(&by_file, format_args!("{path}: {error}"))
                })?;
                (without_line_break(&text).to_owned(), format!("{by_file} ({path})"))
            }
        };
        if value.trim().is_empty() {
            return Err(ConfigError::about(written, "it is empty; unset it, or give it a value"));
        }
        Ok(Some((value, written)))
    }

    fn unknown(&self, name: &str) -> ConfigError {
        let bare = name.strip_prefix(PREFIX).unwrap_or(name);
        let (bare, file) = match bare.strip_suffix("_FILE") {
            Some(bare) => (bare, "_FILE"),
            None => (bare, ""),
        };
        let (number, bare) = numbered(bare);
        let known: Vec<_> = SETTINGS
            .iter()
            .map(|setting| setting.name.to_ascii_uppercase())
            .chain(self.own.iter().filter_map(|own| own.strip_prefix(PREFIX)).map(str::to_owned))
            .collect();
        let meant = nearest(bare, known.iter().map(String::as_str)).map(|meant| {
            let number = number.map(|number| format!("{number}_")).unwrap_or_default();
            format!(" Is {PREFIX}{number}{meant}{file} meant?")
        });
        ConfigError::about(
            name,
            format_args!("there is no such setting.{}", meant.unwrap_or_default()),
        )
    }
}

/// Shows which variables are there, and no value.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

impl Given {
    /// The value as a file would have it. It is tried by itself, so that what is wrong can be told by
    /// the variable's name.
    fn as_json(&self) -> Result<Value, ConfigError> {
        let wrong = |what: &dyn std::fmt::Display| Err(ConfigError::about(&self.written, what));
        let value = match self.setting.form {
            Form::Text => Value::from(self.value.trim()),
            Form::Secret => Value::from(self.value.as_str()),
            Form::List => {
                let parts: Vec<_> = self.value.split(',').map(str::trim).collect();
                if parts.contains(&"") {
                    return wrong(&"there is an empty value between two commas, or at an end");
                }
                Value::from(parts)
            }
            Form::Flag => match self.value.trim() {
                "true" => Value::from(true),
                "false" => Value::from(false),
                _ => return wrong(&"write true or false"),
            },
        };
        let alone = Value::Object(Map::from_iter([(self.setting.name.to_owned(), value.clone())]));
        let tried = match self.setting.scope {
            _ if self.setting.name == "config" => return Ok(value),
            Scope::Issuer => IssuerConfig::deserialize(&alone).map(drop),
            Scope::All => Config::deserialize(&alone).map(drop),
        };
        match tried {
            Ok(()) => Ok(value),
            Err(_) if self.setting.form == Form::Secret => wrong(&"it makes no sense"),
            Err(error) => wrong(&error),
        }
    }
}

fn variable(setting: &Setting, number: Option<u16>) -> String {
    let number = number.map(|number| format!("{number}_")).unwrap_or_default();
    format!("{PREFIX}{number}{}", setting.name.to_ascii_uppercase())
}

/// The setting that a variable is for, and the number of the issuer.
fn parse(name: &str) -> Option<(&'static Setting, Option<u16>)> {
    let (number, bare) = numbered(name.strip_prefix(PREFIX)?);
    let setting = SETTINGS.iter().find(|setting| setting.name.to_ascii_uppercase() == bare)?;
    (number.is_none() || setting.scope == Scope::Issuer).then_some((setting, number))
}

/// `1_ISSUER` as 1 and `ISSUER`.
fn numbered(name: &str) -> (Option<u16>, &str) {
    let split = name.split_once('_').and_then(|(number, rest)| {
        let plain = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
        Some((number.parse().ok().filter(|_| plain)?, rest))
    });
    split.map_or((None, name), |(number, rest)| (Some(number), rest))
}

/// Each field was found to be good before; what is left can only be a combination.
fn fields<T: for<'de> Deserialize<'de>>(fields: Value) -> Result<T, ConfigError> {
    T::deserialize(fields).map_err(|error| ConfigError::new(error.to_string()))
}

/// What serde says of an unknown field, with the nearest one in place of a list of all.
fn suggested(what: &str) -> String {
    let unknown = what.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
    let Some((field, known)) = unknown else { return what.to_owned() };
    let known = known.split('`').skip(1).step_by(2);
    match nearest(field, known) {
        Some(meant) => format!("there is no setting {field:?}. Is {meant:?} meant?"),
        None => format!("there is no setting {field:?}"),
    }
}

fn from_file(path: &Path) -> Result<Config, ConfigError> {
    let written = format!("PORTCULLIS_CONFIG ({})", path.display());
    let wrong = |what: &dyn std::fmt::Display| ConfigError::about(&written, what);
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => serde_json::from_str(&text).map_err(|error| {
            let what = error.to_string();
            let what = what.rsplit_once(" at line ").map_or(what.as_str(), |(what, _)| what);
            wrong(&format_args!("line {}: {}", error.line(), suggested(what)))
        }),
        // its error would quote the line, which may be that of a secret
        Some("toml") => toml::from_str(&text).map_err(|error| {
            let before = error.span().map_or("", |span| &text[..span.start.min(text.len())]);
            let line = before.matches('\n').count() + 1;
            wrong(&format_args!("line {line}: {}", suggested(error.message())))
        }),
        _ => Err(wrong(&"its name must end in .toml or .json")),
    }
}
