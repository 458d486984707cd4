//! What is read, and what is told of everything that makes no sense.

use std::fs;
use std::time::Duration;

use portcullis::{AccessClaims, Algorithm, RejectionKind};
use portcullis_issuer::{JwsHeader, SigningKey};
use serde_json::{Value, json};

use super::{Config, ConfigError, Environment, IssuerConfig, SETTINGS, Scope, Span};

const SECRET: &str = "a secret that is shared, of 32 bytes or more";

fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Environment::new(variables.iter().copied()).read()
}

/// Reads and starts, with an issuer and an audience beside these.
fn start(variables: &[(&str, &str)]) -> Result<(), ConfigError> {
    let usual =
        [("PORTCULLIS_ISSUER", "https://idp.example.com"), ("PORTCULLIS_AUDIENCE", "payroll")];
    read(&[&usual, variables].concat())?.start_with_local_keys().map(drop)
}

#[track_caller]
fn check_error(outcome: Result<impl Sized, ConfigError>, words: &[&str]) {
    let told = outcome.err().unwrap().to_string();
    assert!(words.iter().all(|word| told.contains(word)), "{words:?}: {told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn every_setting_is_a_field_by_the_same_name() {
    for setting in SETTINGS.iter().filter(|setting| setting.name != "config") {
        let values = [r#""1""#, "true", r#"["RS256"]"#, r#""bearer""#, r#""oauth""#, r#""a=1""#];
        let fits = values.iter().any(|value| {
            let json = format!("{{\"{}\":{value}}}", setting.name);
            match setting.scope {
                Scope::Issuer => serde_json::from_str::<IssuerConfig>(&json).is_ok(),
                Scope::All => serde_json::from_str::<Config>(&json).is_ok(),
            }
        });
        assert!(fits, "{}", setting.name);
    }
    // and every field is a setting, but for the paths that a file has
    let unknown = serde_json::from_str::<IssuerConfig>(r#"{"x":1}"#).unwrap_err().to_string();
    let fields: Vec<_> = unknown.split('`').skip(3).step_by(2).collect();
    assert!(fields.len() > 20, "{unknown}");
    for field in fields.into_iter().filter(|field| !field.ends_with("_file")) {
        assert!(SETTINGS.iter().any(|setting| setting.name == field), "{field}");
    }
}

#[test]
fn the_variables_of_one_issuer_are_read() {
    let config = read(&[
        ("PORTCULLIS_ISSUER", " https://idp.example.com "),
        ("PORTCULLIS_AUDIENCE", "payroll, https://api.example.com"),
        ("PORTCULLIS_ALGORITHMS", "RS256,ES256"),
        ("PORTCULLIS_LEEWAY", "10s"),
        ("PORTCULLIS_ACCESS_TOKEN_PROFILE", "true"),
        ("PORTCULLIS_SOURCE", "bearer,cookie:__Host-session"),
        ("PATH", "/bin"),
    ]);
    let config = config.unwrap();
    let [issuer] = config.issuers.as_slice() else { panic!("{config:?}") };
    assert_eq!(issuer.issuer.as_deref(), Some("https://idp.example.com"));
    assert_eq!(issuer.audience, ["payroll", "https://api.example.com"]);
    assert_eq!(issuer.algorithms, [Algorithm::RS256, Algorithm::ES256]);
    assert_eq!(issuer.leeway, Some(Span(Duration::from_secs(10))));
    assert!(issuer.access_token_profile);
    assert_eq!(config.source.len(), 2);
}

#[test]
fn a_value_may_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let variables = [("PORTCULLIS_SECRET_FILE", path.to_str().unwrap())];
    check_error(start(&variables), &["PORTCULLIS_SECRET_FILE", path.to_str().unwrap()]);
    fs::write(&path, format!("{SECRET}\r\n")).unwrap();
    let config = read(&variables).unwrap();
    assert_eq!(config.issuers[0].secret.as_ref().unwrap().reveal(), SECRET);
    start(&variables).unwrap();
    fs::write(&path, "hunter2\n").unwrap();
    check_error(start(&variables), &["PORTCULLIS_SECRET_FILE (", "secret)", "7 bytes"]);
    fs::write(&path, "\n").unwrap();
    check_error(start(&variables), &["PORTCULLIS_SECRET_FILE (", "empty"]);
    // every setting has the form
    fs::write(&path, "payroll\n").unwrap();
    let both = [variables[0], ("PORTCULLIS_SECRET", SECRET)];
    check_error(start(&both), &["PORTCULLIS_SECRET", "PORTCULLIS_SECRET_FILE is set as well"]);
    let audience = read(&[("PORTCULLIS_AUDIENCE_FILE", path.to_str().unwrap())]).unwrap();
    assert_eq!(audience.issuers[0].audience, ["payroll"]);
}

#[test]
fn what_makes_no_sense_is_told_by_its_variable() {
    for (name, value, words) in [
        ("PORTCULLIS_LEEWAY", "1w", "such as 90s"),
        ("PORTCULLIS_LEEWAY", "301", "5 minutes"),
        ("PORTCULLIS_MAX_AGE", "0", "zero"),
        ("PORTCULLIS_MAX_LIFETIME", "-1", "such as 90s"),
        ("PORTCULLIS_ALGORITHMS", "RS256,none", "\"none\""),
        ("PORTCULLIS_AUDIENCE_LESS", "yes", "true or false"),
        ("PORTCULLIS_AUDIENCE_LESS", "true", "audience as well"),
        ("PORTCULLIS_TYPES", "JWT,", "empty value"),
        ("PORTCULLIS_TYPES", "", "it is empty"),
        ("PORTCULLIS_TYPES", "  ", "it is empty"),
        ("PORTCULLIS_ROLES_CLAIM", "realm_access.roles", "/realm_access/roles"),
        ("PORTCULLIS_SOURCE", "query:token", "cookie:NAME"),
        ("PORTCULLIS_TRUSTED_ORIGINS", "https://app.example.com/", "not even a slash"),
        ("PORTCULLIS_JWKS", "hunter2", "JWK Set"),
        ("PORTCULLIS_PUBLIC_KEY", "hunter2", "PEM"),
        ("PORTCULLIS_SECRET", "hunter2", "7 bytes"),
        ("PORTCULLIS_JWKS_URL", "https://idp.example.com/jwks", "set one of them"),
        ("PORTCULLIS_CONFIG_FILE", "/etc/x.toml", "PORTCULLIS_CONFIG"),
    ] {
        let mut variables = vec![(name, value)];
        if !["PORTCULLIS_JWKS", "PORTCULLIS_PUBLIC_KEY", "PORTCULLIS_SECRET"].contains(&name) {
            variables.push(("PORTCULLIS_SECRET", SECRET));
        }
        check_error(start(&variables), &[name, words]);
    }
    check_error(read(&[]).unwrap().start_with_local_keys(), &["PORTCULLIS_ISSUER"]);
    check_error(start(&[]), &["PORTCULLIS_ISSUER", "fetched"]);
    let nobody = read(&[("PORTCULLIS_AUDIENCE", "a")]).unwrap();
    check_error(nobody.start_with_local_keys(), &["PORTCULLIS_ISSUER", "missing"]);
}

#[test]
fn what_is_no_setting_is_refused_with_the_nearest_that_is() {
    for (name, meant) in [
        ("PORTCULLIS_AUDIENSE", "Is PORTCULLIS_AUDIENCE meant?"),
        ("PORTCULLIS_JWKS_URI", "Is PORTCULLIS_JWKS_URL meant?"),
        ("PORTCULLIS_SECERT_FILE", "Is PORTCULLIS_SECRET_FILE meant?"),
        ("PORTCULLIS_2_AUDIENC", "Is PORTCULLIS_2_AUDIENCE meant?"),
        ("PORTCULLIS_1_SOURCE", "no such setting"),
        ("PORTCULLIS_01_ISSUER", "no such setting"),
        ("PORTCULLIS_issuer", "no such setting"),
        ("PORTCULLIS_PASSWORD", "no such setting."),
        ("PORTCULLIS_", "no such setting"),
        ("PORTCULLIS__FILE", "no such setting"),
    ] {
        check_error(read(&[(name, "hunter2")]), &[name, meant]);
    }
    let own = Environment::new([("PORTCULLIS_LISTEN", "a")]).with_own(["PORTCULLIS_LISTEN"]);
    assert!(own.read().is_ok() && own.is_unset());
    assert_eq!(own.own("PORTCULLIS_LISTEN"), Ok(Some("a".to_owned())));
    let own = Environment::new([("PORTCULLIS_LISTN", "a")]).with_own(["PORTCULLIS_LISTEN"]);
    check_error(own.read(), &["PORTCULLIS_LISTN", "Is PORTCULLIS_LISTEN meant?"]);
}

#[test]
fn several_issuers_have_numbers_and_say_what_they_may_give() {
    let first = [
        ("PORTCULLIS_1_ISSUER", "https://a.example"),
        ("PORTCULLIS_1_AUDIENCE", "payroll"),
        ("PORTCULLIS_1_SECRET", SECRET),
    ];
    let second = [
        ("PORTCULLIS_20_ISSUER", "https://b.example"),
        ("PORTCULLIS_20_AUDIENCE", "payroll"),
        ("PORTCULLIS_20_SECRET", SECRET),
        ("PORTCULLIS_20_MAY_ASSERT_ROLES", "reader"),
    ];
    let start = |variables: &[&[(&str, &str)]]| read(&variables.concat())?.start_with_local_keys();
    assert!(start(&[&first]).is_ok());
    check_error(
        start(&[&first, &second]),
        &["PORTCULLIS_1_MAY_ASSERT_ROLES", "PORTCULLIS_1_MAY_ASSERT_ANYTHING"],
    );
    let anything = [("PORTCULLIS_1_MAY_ASSERT_ANYTHING", "true")];
    let started = start(&[&first, &second, &anything]).unwrap();
    assert_eq!(started.issuers().len(), 2);
    assert!(started.verifier::<AccessClaims>().is_ok());
    check_error(start(&[&first, &[("PORTCULLIS_LEEWAY", "5")]]), &["number all of them"]);
}

#[test]
fn an_issuer_that_signs_for_strangers_needs_to_know_which_tokens_are_ours() {
    let of = |issuer: &str, more: &[(&str, &str)]| {
        let usual = [
            ("PORTCULLIS_ISSUER", issuer),
            ("PORTCULLIS_AUDIENCE", "payroll"),
            ("PORTCULLIS_SECRET", SECRET),
        ];
        read(&[&usual, more].concat())?.start_with_local_keys()
    };
    let values = |values| [("PORTCULLIS_REQUIRED_VALUES", values)];
    let all = ("PORTCULLIS_TRUST_STRANGERS", "true");
    let github = "https://token.actions.githubusercontent.com";
    let google = "https://accounts.google.com";
    for (issuer, ours, not_enough) in [
        (github, ["repository_owner_id=65", "repository_id=74,ref=refs/heads/main"], "ref=x"),
        (google, ["hd=example.com", "email=a@example.com,email_verified:=true"], "email=a@b.c"),
        (
            "accounts.google.com",
            ["hd=a.example", "hd=a.example,hd=b.example"],
            "email_verified:=true",
        ),
        ("https://accounts.google.com/", ["sub=1", "sub=1,sub=2"], "/sub/x=1"),
    ] {
        for ours in ours {
            of(issuer, &values(ours)).unwrap();
        }
        of(issuer, &[all]).unwrap();
        let told =
            ["PORTCULLIS_ISSUER", "PORTCULLIS_REQUIRED_VALUES", "PORTCULLIS_TRUST_STRANGERS"];
        check_error(of(issuer, &[]), &told);
        check_error(of(issuer, &values(not_enough)), &told);
        let both = [values(ours[0])[0], all];
        check_error(of(issuer, &both), &["PORTCULLIS_TRUST_STRANGERS", "unset this"]);
    }
    // an enterprise may have an issuer of its own
    of(&format!("{github}/octo"), &[]).unwrap();
    check_error(of("https://idp.example.com", &[all]), &["PORTCULLIS_TRUST_STRANGERS", "unset it"]);
}

#[test]
fn the_audience_of_keycloaks_own_pages_is_none() {
    let of = |issuer: &str| {
        let variables = [
            ("PORTCULLIS_ISSUER", issuer),
            ("PORTCULLIS_AUDIENCE", "payroll,account"),
            ("PORTCULLIS_SECRET", SECRET),
        ];
        read(&variables)?.start_with_local_keys()
    };
    let told = ["PORTCULLIS_AUDIENCE", "audience mapper"];
    check_error(of("https://id.example.com/realms/staff"), &told);
    of("https://id.example.com").unwrap();
}

#[test]
fn claims_must_have_the_values_that_are_asked_for() {
    let variables = [
        ("PORTCULLIS_ISSUER", "https://idp.example.com"),
        ("PORTCULLIS_AUDIENCE_LESS", "true"),
        ("PORTCULLIS_SECRET", SECRET),
        ("PORTCULLIS_REQUIRED_VALUES", "client_id=a, client_id=b, level:=3, /team/name=blue"),
    ];
    let verifier = read(&variables).unwrap().start_with_local_keys().unwrap();
    let verifier = verifier.verifier::<AccessClaims>().unwrap();
    let key = SigningKey::from_secret(Algorithm::HS256, SECRET).unwrap();
    let passes = |claims: Value| {
        let mut all = json!({"iss": "https://idp.example.com", "exp": 4_000_000_000_u32});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let token = key.sign(&JwsHeader::new(), all.to_string()).unwrap();
        verifier.verify(token).map_err(|refused| refused.kind())
    };
    let blue = json!({"name": "blue"});
    for client in ["a", "b"] {
        passes(json!({"client_id": client, "level": 3, "team": blue})).unwrap();
    }
    for claims in [
        json!({"client_id": "c", "level": 3, "team": blue}),
        json!({"level": 3, "team": blue}),
        json!({"client_id": "a", "level": "3", "team": blue}),
        json!({"client_id": "a", "level": 3, "team": {"name": "red"}}),
        json!({"client_id": "a", "level": 3, "team": "blue"}),
    ] {
        let told = claims.to_string();
        let refused = passes(claims).err();
        let expected = [Some(RejectionKind::WrongClaim), Some(RejectionKind::MissingClaim)];
        assert!(expected.contains(&refused), "{told}: {refused:?}");
    }
}

#[test]
fn a_file_says_everything_and_its_secrets_are_in_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let of = |path: &str| read(&[("PORTCULLIS_CONFIG", path)]);
    let toml =
        format!("[[issuers]]\nissuer = 'https://a.example'\naudience = 'a'\nsecret = '{SECRET}'\n");
    let path = write("a.toml", &toml);
    of(&path).unwrap().start_with_local_keys().unwrap();
    let json = format!(
        r#"{{"issuers":[{{"issuer":"https://a.example","audience":["a"],"secret":"{SECRET}"}}]}}"#
    );
    assert_eq!(of(&write("a.json", &json)), of(&path));
    check_error(
        read(&[("PORTCULLIS_CONFIG", &path), ("PORTCULLIS_LEEWAY", "5")]),
        &["PORTCULLIS_CONFIG"],
    );
    check_error(of("nowhere.toml"), &["PORTCULLIS_CONFIG (nowhere.toml)"]);
    check_error(of(&write("a.yaml", "a: b")), &["a.yaml", ".toml or .json"]);
    for (name, text) in [
        ("b.toml", "[[issuers]]\nsecert = 'hunter2'"),
        ("b.json", "{\"issuers\":[\n{\"secert\":\"hunter2\"}]}"),
    ] {
        check_error(of(&write(name, text)), &[name, "line 2", "\"secert\". Is \"secret\" meant?"]);
    }
    // a secret of digits that lacks its quotes
    for digits in
        ["4815162342", "-4815162342", "4815.162342", "48151623424815162342", "0x4815162342"]
    {
        let path = write("e.toml", &format!("[[issuers]]\nsecret = {digits}"));
        let told = of(&path).unwrap_err().to_string();
        assert!(told.contains("line 2") && !told.contains("4815"), "{told}");
        let json = format!("{{\"issuers\":[\n{{\"secret\":{digits}}}]}}");
        let told = of(&write("e.json", &json)).unwrap_err().to_string();
        assert!(told.contains("line 2") && !told.contains("4815"), "{told}");
    }
    check_error(
        of(&write("f.toml", "[[issuers]]\nsecret = 4815162342")),
        &["f.toml", "line 2", "put it in quotes"],
    );
    check_error(of(&write("g.toml", "[[issuers]]\nsecret = true")), &["put it in quotes"]);
    check_error(of(&write("c.toml", "[[issuers]]\nsecret = 'hunter2")), &["c.toml", "line 2"]);
    check_error(of(&write("d.toml", "[[issuers]]\nsecret = ['hunter2']")), &["d.toml", "line 2"]);
}

#[test]
fn what_was_meant_for_another_setting_is_told() {
    let pem = SigningKey::generate(Algorithm::ES256).unwrap().public_pem().unwrap();
    check_error(
        start(&[("PORTCULLIS_JWKS", &pem)]),
        &["PEM, for which there is PORTCULLIS_PUBLIC_KEY"],
    );
    let jwks = r#"{"keys":[]}"#;
    check_error(
        start(&[("PORTCULLIS_PUBLIC_KEY", jwks)]),
        &["JSON, for which there is PORTCULLIS_JWKS"],
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, pem).unwrap();
    let config = IssuerConfig {
        audience: vec!["payroll".into()],
        jwks_file: Some(path),
        ..IssuerConfig::new("https://idp.example.com")
    };
    let config = Config { issuers: vec![config], ..Config::default() };
    check_error(config.start_with_local_keys(), &["PEM, for which there is", "public_key_file"]);
}

#[cfg(feature = "reqwest")]
#[test]
fn a_setting_for_all_issuers_is_called_as_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("roots.pem");
    fs::write(&path, "no certificate").unwrap();
    let path = path.to_str().unwrap();
    let issuer = [("PORTCULLIS_ISSUER", "https://a.example"), ("PORTCULLIS_AUDIENCE", "a")];
    let of = |more| read(&[&issuer[..], &[more]].concat()).unwrap().start();
    let told = format!("PORTCULLIS_ROOT_CERTIFICATES_FILE ({path}): ");
    check_error(of(("PORTCULLIS_ROOT_CERTIFICATES_FILE", path)), &[&told]);
    check_error(
        of(("PORTCULLIS_ROOT_CERTIFICATES", "hunter2")),
        &["PORTCULLIS_ROOT_CERTIFICATES: "],
    );
}

#[test]
fn secrets_are_not_shown() {
    let variables = [("PORTCULLIS_SECRET", "hunter2"), ("PORTCULLIS_JWKS_FILE", "hunter2")];
    let environment = Environment::new(variables);
    assert!(!format!("{environment:?}").contains("hunter2"));
    let config = read(&variables[..1]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}
