//! The gate over sockets: every answer to the letter.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::Duration;

use portcullis_support::Port;

use crate::support::{AUDIENCE, ISSUER, World, command};

/// A gate that listens.
pub(crate) struct Gate {
    child: Child,
    address: SocketAddr,
}

/// An answer of its.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Gate {
    /// With the key of the world, and these variables.
    fn start(world: &World, more: &[(&str, &str)]) -> Self {
        let usual = [
            ("PORTCULLIS_ISSUER", ISSUER),
            ("PORTCULLIS_AUDIENCE", AUDIENCE),
            ("PORTCULLIS_JWKS_FILE", "jwks.json"),
        ];
        Self::start_with(world, &[&usual, more].concat())
    }

    fn start_with(world: &World, variables: &[(&str, &str)]) -> Self {
        let mut command = command(world.folder());
        command.arg("gate").env("PORTCULLIS_LISTEN", "127.0.0.1:0").envs(variables.iter().copied());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("http://").unwrap().1.parse().unwrap();
        Self { child, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// Sends a request with these headers and reads the answer to its end.
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        let mut stream = self.connect();
        stream.write_all(format!("{request}\r\n").as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        Answer::parse(&text)
    }

    fn verify(&self, token: &str) -> Answer {
        self.ask("GET", "/verify", &[("Authorization", &format!("Bearer {token}"))])
    }

    fn metric(&self, line: &str) -> bool {
        self.ask("GET", "/metrics", &[]).body.lines().any(|told| told == line)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut values = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.trim());
        assert!(values.next().is_none(), "{name} is there twice: {}", self.head);
        value
    }

    #[track_caller]
    fn check(self, status: u16, headers: &[(&str, &str)]) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        for (name, value) in headers {
            assert_eq!(self.header(name), Some(*value), "{name}: {self:?}");
        }
        // whatever the answer
        assert_eq!(self.header("cache-control"), Some("no-store"), "{self:?}");
        assert_eq!(self.header("set-cookie"), None, "{self:?}");
        self
    }
}

const WHO: [&str; 4] = ["x-auth-issuer", "x-auth-subject", "x-auth-roles", "x-auth-scope"];

#[test]
fn a_good_token_is_200_with_who_the_caller_is() {
    let world = World::with_key();
    let gate = Gate::start(&world, &[]);
    let token = world.mint(&[
        "--subject",
        "bob",
        "--role",
        "admin",
        "--role",
        "reader",
        "--scope",
        "pay look",
    ]);
    let headers = [
        ("x-auth-issuer", ISSUER),
        ("x-auth-subject", "bob"),
        ("x-auth-roles", "admin,reader"),
        ("x-auth-scope", "pay look"),
    ];
    let answer = gate.verify(&token).check(200, &headers);
    assert_eq!((answer.header("content-length"), answer.body.as_str()), (Some("0"), ""));
    // by whatever method the proxy asks, and whatever it sends along
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"] {
        let authorization = format!("Bearer {token}");
        gate.ask(method, "/verify?x=1", &[("Authorization", &authorization)]).check(200, &headers);
    }
    let mut stream = gate.connect();
    let head = format!(
        "POST /verify HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"
    );
    stream.write_all(format!("{head}Content-Length: 5\r\n\r\nhello").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    Answer::parse(&text).check(200, &headers);
}

#[test]
fn what_a_token_lacks_is_an_empty_header_and_what_it_has_is_encoded() {
    let world = World::with_key();
    let gate = Gate::start(&world, &[]);
    let answer = gate.verify(&world.mint(&[]));
    answer.check(200, &[("x-auth-subject", ""), ("x-auth-roles", ""), ("x-auth-scope", "")]);
    let roles = "roles:=[\"a,b\", \"J\u{fc}rgen\", \"x\\r\\nX-Auth-Subject: admin\"]";
    let token =
        world.mint(&["--subject", "bob, admin\r\n\u{202e}", "--claim", roles, "--scope", "a\"b c"]);
    gate.verify(&token).check(
        200,
        &[
            ("x-auth-subject", "bob%2C%20admin%0D%0A%E2%80%AE"),
            ("x-auth-roles", "a%2Cb,J%C3%BCrgen,x%0D%0AX-Auth-Subject:%20admin"),
            ("x-auth-scope", "a%22b c"),
        ],
    );
}

#[test]
fn no_token_a_bad_one_and_two_are_told_apart() {
    let world = World::with_key();
    let gate = Gate::start(&world, &[("PORTCULLIS_REALM", "payroll")]);
    let bare = [("www-authenticate", "Bearer realm=\"payroll\"")];
    gate.ask("GET", "/verify", &[]).check(401, &bare);
    gate.ask("GET", "/verify?access_token=a.b.c", &[]).check(401, &bare);
    gate.ask("GET", "/verify", &[("Authorization", "Basic YTpi")]).check(401, &bare);
    let expired = gate.verify(&world.mint(&["--claim", "exp:=1"])).check(401, &[(
        "www-authenticate",
        "Bearer realm=\"payroll\", error=\"invalid_token\", error_description=\"the token is expired\"",
    )]);
    assert!(expired.body.contains("#expired"), "{expired:?}");
    // no caller is named where there is none
    assert!(WHO.iter().all(|name| expired.header(name).is_none()), "{expired:?}");
    let two = [("Authorization", "Bearer a.b.c"), ("Authorization", "Bearer a.b.c")];
    let challenge = "Bearer realm=\"payroll\", error=\"invalid_request\", \
                     error_description=\"more than one credential was sent\"";
    gate.ask("GET", "/verify", &two).check(400, &[("www-authenticate", challenge)]);
    gate.ask("GET", "/verify", &[("Authorization", "Bearer")]).check(400, &[]);

    gate.verify(&world.mint(&[])).check(200, &[]);
    for (outcome, status, count) in [
        ("accepted", 200, 1),
        ("missing-credential", 401, 3),
        ("expired", 401, 1),
        ("multiple-credentials", 400, 1),
    ] {
        let line = format!(
            "portcullis_gate_verifications_total{{outcome=\"{outcome}\",status=\"{status}\"}} {count}"
        );
        assert!(gate.metric(&line), "{line}");
    }
}

#[test]
fn a_role_and_every_scope_may_be_required() {
    let world = World::with_key();
    let gate = Gate::start(
        &world,
        &[("PORTCULLIS_REQUIRE_ROLES", "admin, owner"), ("PORTCULLIS_REQUIRE_SCOPES", "pay,look")],
    );
    let forbidden = |args: &[&str]| {
        gate.verify(&world.mint(args)).check(403, &[(
            "www-authenticate",
            "Bearer realm=\"api\", error=\"insufficient_scope\", error_description=\"the token does not \
             grant this\", scope=\"pay look\"",
        )]);
    };
    gate.verify(&world.mint(&["--role", "owner", "--scope", "look pay more"])).check(200, &[]);
    forbidden(&[]);
    forbidden(&["--role", "Admin", "--scope", "pay look"]);
    forbidden(&["--role", "admin", "--scope", "pay"]);
    forbidden(&["--scope", "pay look"]);
    // a bad token is no question of roles
    gate.verify(&world.mint(&["--claim", "aud=other"])).check(401, &[]);
}

#[test]
fn an_issuer_out_of_reach_is_503_and_the_gate_is_alive_but_not_ready() {
    let world = World::with_key();
    let nowhere = Port::keep().unwrap();
    let url = format!("http://127.0.0.1:{}/jwks", nowhere.number());
    let gate = Gate::start_with(
        &world,
        &[
            ("PORTCULLIS_ISSUER", ISSUER),
            ("PORTCULLIS_AUDIENCE", AUDIENCE),
            ("PORTCULLIS_JWKS_URL", &url),
        ],
    );
    let answer = gate.verify(&world.mint(&[])).check(503, &[("retry-after", "5")]);
    assert_eq!(answer.header("www-authenticate"), None);
    gate.ask("GET", "/healthz", &[]).check(200, &[]);
    gate.ask("GET", "/readyz", &[]).check(503, &[]);
    assert!(gate.metric(&format!("portcullis_gate_keys_ready{{issuer=\"{ISSUER}\"}} 0")));
}

#[test]
fn there_are_four_paths_and_no_other() {
    let world = World::with_key();
    let gate = Gate::start(&world, &[]);
    gate.ask("GET", "/healthz", &[]).check(200, &[]);
    gate.ask("GET", "/readyz", &[]).check(200, &[]);
    let metrics = gate.ask("GET", "/metrics", &[]).check(200, &[]);
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for path in ["/", "/verify/", "/Verify", "//verify", "/%76erify", "/healthz/", "/metrics/x"] {
        gate.ask("GET", path, &[("Authorization", "Bearer a.b.c")]).check(404, &[]);
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        gate.ask("POST", path, &[]).check(405, &[("allow", "GET, HEAD")]);
    }
}

#[test]
fn a_cookie_counts_only_for_requests_of_the_same_origin() {
    let world = World::with_key();
    let gate = Gate::start(
        &world,
        &[
            ("PORTCULLIS_SOURCE", "cookie:__Host-session"),
            ("PORTCULLIS_TRUSTED_ORIGINS", "https://trusted.example"),
        ],
    );
    let cookie = format!("__Host-session={}", world.mint(&[]));
    let ask = |headers: &[(&str, &str)], status| {
        gate.ask("GET", "/verify", &[&[("Cookie", &*cookie)], headers].concat()).check(status, &[]);
    };
    let (get, post) = (("X-Original-Method", "GET"), ("X-Forwarded-Method", "POST"));
    ask(&[get], 200);
    ask(&[post], 403);
    ask(&[post, ("Sec-Fetch-Site", "same-origin")], 200);
    ask(&[post, ("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")], 403);
    ask(&[post, ("Sec-Fetch-Site", "cross-site"), ("Origin", "https://trusted.example")], 200);
    // a proxy that does not say what was asked for, and a handshake that lost its `Upgrade`
    ask(&[], 403);
    ask(&[get, ("Sec-WebSocket-Key", "AAAA"), ("Origin", "https://evil.example")], 403);
    // the header is no place for it here
    gate.verify(&world.mint(&[])).check(401, &[]);
}

#[test]
fn a_head_without_end_or_limit_is_refused() {
    let world = World::with_key();
    let gate = Gate::start(&world, &[]);
    let huge = "x".repeat(100_000);
    let mut stream = gate.connect();
    // it may be refused before all was sent
    let _ = stream
        .write_all(format!("GET /verify HTTP/1.1\r\nHost: a\r\nX: {huge}\r\n\r\n").as_bytes());
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 431"), "{text}");
    let many: Vec<_> = (0..200).map(|at| (format!("X-{at}"), "1")).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(gate.ask("GET", "/verify", &many).status, 431);
    // a token over the limit is judged, and refused
    gate.verify(&format!("a.{}.c", "b".repeat(20_000))).check(401, &[]);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_when_the_requests_under_way_are_done() {
    let world = World::with_key();
    let mut gate = Gate::start(&world, &[]);
    let token = world.mint(&[]);
    // half a request is under way
    let mut stream = gate.connect();
    stream.write_all(b"GET /verify HTTP/1.1\r\nHost: a\r\n").unwrap();
    gate.verify(&token).check(200, &[]);
    let kill = std::process::Command::new("kill").arg(gate.child.id().to_string()).status();
    assert!(kill.unwrap().success());
    let status = gate.child.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(TcpStream::connect(gate.address).is_err());
}

#[test]
fn a_wrong_configuration_is_told_before_anything_is_served() {
    let world = World::with_key();
    let usual = [
        ("PORTCULLIS_ISSUER", ISSUER),
        ("PORTCULLIS_AUDIENCE", AUDIENCE),
        ("PORTCULLIS_JWKS_FILE", "jwks.json"),
    ];
    let run =
        |more: &[(&str, &str)]| world.run_with(&["gate", "--check"], &[&usual, more].concat(), "");
    assert_eq!(run(&[]).check(0).out, "the configuration is good\n");
    for (name, value) in [
        ("PORTCULLIS_LISTEN", "8080"),
        ("PORTCULLIS_REQUIRE_SCOPES", "pay look"),
        ("PORTCULLIS_REALM", "\"x\""),
        ("PORTCULLIS_SOURCE", "cookie"),
        ("PORTCULLIS_TRUSTED_ORIGINS", "trusted.example"),
        ("PORTCULLIS_LEEWAY", "1h"),
    ] {
        run(&[(name, value)]).check_error(&[name]);
    }
    run(&[("PORTCULLIS_REQUIRE_ROLE", "admin")]).check_error(&["PORTCULLIS_REQUIRE_ROLES"]);
    world.run_with(&["gate"], &[], "").check_error(&["PORTCULLIS_ISSUER"]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let mut variables = usual.to_vec();
    variables.push(("PORTCULLIS_LISTEN", &taken));
    world.run_with(&["gate"], &variables, "").check_error(&["PORTCULLIS_LISTEN", &taken]);
}
