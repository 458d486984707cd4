//! Attacks on how the credential is carried.

use portcullis::Algorithm;
use portcullis::RejectionKind::{
    self, CrossOrigin, MalformedCredential, MalformedToken, MissingCredential, MultipleCredentials,
    TokenTooLarge,
};
use portcullis_testing::TestIssuer;

use crate::support::{Carrier, World, request};

fn issuer() -> TestIssuer {
    TestIssuer::new(Algorithm::ES256)
}

/// Requests with these headers, in which `{}` is a good token.
struct Requests {
    world: World,
    token: String,
}

impl Requests {
    fn new() -> Self {
        Self { world: World::new(&issuer()), token: issuer().token().mint() }
    }

    fn bytes(&self, headers: &[(&str, &str)]) -> Vec<u8> {
        let filled: Vec<_> =
            headers.iter().map(|(name, value)| (*name, value.replace("{}", &self.token))).collect();
        let headers: Vec<_> =
            filled.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        request("GET", &headers)
    }

    #[track_caller]
    fn refused(&self, headers: &[(&str, &str)], kind: RejectionKind) {
        let bytes = self.bytes(headers);
        self.world.refuses_request(&bytes, self.token.as_bytes(), kind, &format!("{headers:?}"));
    }

    #[track_caller]
    fn passes(&self, headers: &[(&str, &str)]) {
        let answer = self.world.server.send(&self.bytes(headers));
        assert_eq!(answer.status, 200, "{headers:?}: {answer:?}");
    }
}

#[test]
fn sends_two_credentials() {
    let requests = Requests::new();
    let (bearer, cookie) = (("authorization", "Bearer {}"), ("cookie", "__Host-session={}"));
    for pair in [
        [bearer, bearer],
        [bearer, ("authorization", "Bearer x")],
        [("authorization", "Basic YTpi"), bearer],
        [bearer, ("authorization", "")],
        [bearer, ("AUTHORIZATION", "bearer {}")],
        [bearer, cookie],
        [cookie, bearer],
        [("authorization", "Bearer"), cookie],
        [bearer, ("cookie", "__Host-session=")],
        [cookie, cookie],
        [cookie, ("cookie", "__Host-session=x")],
    ] {
        requests.refused(&pair, MultipleCredentials);
    }
    for joined in ["Bearer {}, Bearer {}", "Bearer {},Bearer x", "bearer x, BEARER {}"] {
        requests.refused(&[("authorization", joined)], MultipleCredentials);
    }
    for cookies in
        ["__Host-session={}; __Host-session={}", "__Host-session=x; a=b; __Host-session={}"]
    {
        requests.refused(&[("cookie", cookies)], MultipleCredentials);
    }
}

#[test]
fn spells_the_scheme_in_another_way() {
    let requests = Requests::new();
    for good in
        ["Bearer {}", "bearer {}", "BEARER {}", "bEARER {}", "Bearer     {}", "Bearer {}   "]
    {
        requests.passes(&[("authorization", good)]);
    }
    for other in ["{}", "Basic {}", "DPoP {}", "Bearerx {}", "JWT {}", "Token {}", "Negotiate {}"] {
        requests.refused(&[("authorization", other)], MissingCredential);
    }
    for malformed in [
        "Bearer",
        "Bearer\t{}",
        "Bearer \t{}",
        "Bearer: {}",
        "Bearer={}",
        "Bearer \"{}\"",
        "Bearer {} {}",
        "Bearer {},",
        "Bearer {}, Basic x",
        "Bearer token={}",
        "Bearer {}; x",
        "Bearer <{}>",
        "\"Bearer\" {}",
        "",
        "Bearer {}\u{e4}",
        "Bearer \u{ff22}",
        "\u{412}earer {}",
    ] {
        requests.refused(&[("authorization", malformed)], MalformedCredential);
    }
}

#[test]
fn sends_control_characters() {
    // the server does not even hand these on; whatever it answers, nobody gets in
    let requests = Requests::new();
    let served = requests.world.server.served();
    for bad in [
        "Bearer {}\0",
        "Bearer \u{1b}[31m{}",
        "Bearer {}\u{7f}",
        "Bearer {}\rx: y",
        "Bearer \u{8}{}",
    ] {
        let answer = requests.world.server.send_raw(&requests.bytes(&[("authorization", bad)]));
        let text = String::from_utf8_lossy(&answer);
        assert!(text.starts_with("HTTP/1.1 400 "), "{bad:?}: {text:?}");
    }
    assert_eq!(requests.world.server.served(), served);
    // a line break makes another header of it, which is another's business: there is no credential
    let split = requests.bytes(&[("x", "y\r\nauthorization : Bearer {}")]);
    let text = String::from_utf8(requests.world.server.send_raw(&split)).unwrap();
    assert!(text.starts_with("HTTP/1.1 400 "), "{text:?}");
    assert_eq!(requests.world.server.served(), served);
}

#[test]
fn sends_an_enormous_credential() {
    let requests = Requests::new();
    let (small, large) = ("x".repeat(16 * 1024), "x".repeat(16 * 1024 + 1));
    requests.refused(&[("authorization", &format!("Bearer {small}"))], MalformedToken);
    requests.refused(&[("authorization", &format!("Bearer {large}"))], TokenTooLarge);
    requests.refused(&[("cookie", &format!("__Host-session={large}"))], TokenTooLarge);
    let dots = ".".repeat(300_000);
    requests.refused(&[("authorization", &format!("Bearer {dots}"))], TokenTooLarge);
    let spaces = " ".repeat(100_000);
    requests.passes(&[("authorization", &format!("Bearer {spaces}{{}}"))]);
    let cookies = "a=b; ".repeat(20_000);
    requests.passes(&[("cookie", &format!("{cookies}__Host-session={{}}"))]);
    requests.refused(&[("cookie", &cookies)], MissingCredential);
    let commas = ", Bearer".repeat(10_000);
    requests.refused(&[("authorization", &format!("Bearer x{commas}"))], MalformedCredential);
}

#[test]
fn plants_a_cookie() {
    let requests = Requests::new();
    for look_alike in [
        "__host-session={}",
        "__HOST-SESSION={}",
        "__Host-Session={}",
        "__Host-session ={}",
        "  __Host-session={}",
        "\t__Host-session={}",
        "__Host-session%3D{}",
        "__Host%2Dsession={}",
        "__Host-session",
        "=__Host-session={}",
        "x__Host-session={}",
        "__Host-session2={}",
        "__Secure-session={}",
        "session={}",
        "a=\"__Host-session={}\"",
        "\u{2000}__Host-session={}",
        "$Version=1,__Host-session={}",
    ] {
        requests.refused(&[("cookie", &format!("a=b; {look_alike}"))], MissingCredential);
    }
    for malformed in [
        "__Host-session=",
        "__Host-session=\"{}\"",
        "__Host-session= {}",
        "__Host-session={} x",
        "__Host-session==",
        "__Host-session=%65{}",
        "__Host-session={}, __Host-session={}",
        "__Host-session=Bearer {}",
    ] {
        requests.refused(&[("cookie", malformed)], MalformedCredential);
    }
    // a sandwich of quotes hides nothing
    requests.refused(
        &[("cookie", "$Version=1; a=\"x; __Host-session={}; b=\"; __Host-session={}")],
        MultipleCredentials,
    );
}

#[test]
fn puts_the_token_into_the_url_or_body() {
    let requests = Requests::new();
    let token = &requests.token;
    let body = format!("access_token={token}");
    for bytes in [
        format!(
            "GET /?access_token={token} HTTP/1.1\r\nhost: app.example\r\nconnection: close\r\n\r\n"
        ),
        format!(
            "GET /?token={token}&bearer={token} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        ),
        format!(
            "GET / HTTP/1.1\r\nhost: a\r\nx-access-token: {token}\r\nconnection: close\r\n\r\n"
        ),
        format!(
            "GET / HTTP/1.1\r\nhost: a\r\nproxy-authorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        ),
        format!(
            "GET / HTTP/1.1\r\nhost: a\r\nx-forwarded-authorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        ),
        format!(
            "POST / HTTP/1.1\r\nhost: app.example\r\nconnection: close\r\ncontent-length: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\n\r\n{body}",
            body.len()
        ),
    ] {
        let answer = requests.world.server.send(bytes.as_bytes());
        answer.assert_refused(MissingCredential, &bytes[..40]);
    }
    assert_eq!(requests.world.server.served(), 2, "only the two that show that the world works");
}

#[test]
fn rides_on_a_cookie_from_another_page() {
    let requests = Requests::new();
    let (name, cookie) = Carrier::Cookie.header(requests.token.as_bytes());
    let post = |more: &[(&str, &str)]| {
        let more = more.iter().map(|(name, value)| (*name, value.as_bytes()));
        request("POST", &[(name, &cookie[..])].into_iter().chain(more).collect::<Vec<_>>())
    };
    for headers in [
        &[][..],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "")],
        &[("origin", "https://app.example.evil.example")],
        &[("origin", "https://app.example:444")],
        &[("origin", "https://app.example"), ("origin", "https://evil.example")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "same-site"), ("origin", "https://app.example")],
        &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "SAME-ORIGIN")],
        &[("referer", "https://app.example/")],
        &[("x-requested-with", "XMLHttpRequest")],
        &[("x-forwarded-host", "evil.example"), ("origin", "https://evil.example")],
        &[("x-http-method-override", "GET")],
    ] {
        let tries = format!("{headers:?}");
        requests.world.refuses_request(
            &post(headers),
            requests.token.as_bytes(),
            CrossOrigin,
            &tries,
        );
    }
    for headers in [
        &[("sec-fetch-site", "same-origin")][..],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://app.example")],
    ] {
        assert_eq!(requests.world.server.send(&post(headers)).status, 200, "{headers:?}");
    }
    // a bearer token is added by nobody but its owner
    let (name, bearer) = Carrier::Header.header(requests.token.as_bytes());
    let answer = requests.world.server.send(&request("POST", &[(name, &bearer)]));
    assert_eq!(answer.status, 200, "{answer:?}");
}
