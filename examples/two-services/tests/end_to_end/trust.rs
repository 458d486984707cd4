//! Whom Billing trusts, and for what.

use std::path::Path;

use serde_json::json;

use crate::client::Client;
use crate::process::{Running, all};

const ORDER: &str = r#"{"cents":4200}"#;

fn client(services: &Running) -> Client {
    Client::trusting(Path::new(services.token("CA")))
}

/// The addresses of Orders and Billing.
fn urls(services: &Running) -> (String, String) {
    let mut urls = services.banner.split("https://").skip(1);
    let mut url = || format!("https://{}", urls.next().unwrap().split([',', ' ']).next().unwrap());
    (url(), url())
}

#[test]
fn an_order_is_charged_by_a_token_for_billing() {
    let services = all(&[]);
    let (orders, _) = urls(&services);
    let placed = client(&services)
        .post(&format!("{orders}/orders"), services.token("CUSTOMER"), ORDER)
        .expect(201);
    assert_eq!(placed.value(), json!({ "cents": 4200, "for": "bob", "charged": true }));
}

#[test]
fn each_issuer_may_say_what_it_was_given_and_for_this_audience_only() {
    let services = all(&[]);
    let (orders, billing) = urls(&services);
    let client = client(&services);
    let charges = format!("{billing}/charges");
    let totals = format!("{billing}/totals");

    let charged = client.post(&charges, services.token("FOR_BILLING"), ORDER).expect(201);
    assert_eq!(charged.value(), json!({ "cents": 4200, "by": "orders" }));
    let looked = client.get(&totals, services.token("NIGHTLY")).expect(200);
    assert_eq!(looked.value()["for"], "nightly@two-services.iam.gserviceaccount.com");
    // the account has written the scope into its token, which nobody has to believe
    let refused = client.post(&charges, services.token("NIGHTLY"), ORDER).expect(403);
    assert!(refused.head.contains(r#"scope="charges:write""#), "{refused:?}");

    for (token, why) in [
        ("FOR_SHIPPING", "wrong-audience"),
        ("CUSTOMER", "wrong-audience"),
        // signed by a key that Billing trusts, though not for that issuer
        ("POSING", "algorithm-not-allowed"),
        ("NIGHTLY_FORGED", "unknown-key"),
        ("NIGHTLY_ELSEWHERE", "wrong-audience"),
        ("NIGHTLY_TOO_LONG", "lifetime-too-long"),
        ("STRANGER", "untrusted-issuer"),
    ] {
        let refused = client.get(&totals, services.token(token)).expect(401);
        assert!(refused.head.contains(r#"error="invalid_token""#), "{token}: {refused:?}");
        services.wait_for(why);
    }
    // nor is what is for Billing good at Orders
    client.post(&format!("{orders}/orders"), services.token("FOR_BILLING"), ORDER).expect(401);
}

#[test]
fn the_log_has_no_token() {
    let services = all(&[]);
    let (_, billing) = urls(&services);
    let client = client(&services);
    for token in ["FOR_BILLING", "FOR_SHIPPING", "NIGHTLY", "STRANGER"] {
        client.get(&format!("{billing}/totals"), services.token(token));
    }
    let log = services.end_of_log();
    assert!(log.contains("wrong-audience"), "{log}");
    // every token starts like this
    assert!(!log.contains("eyJ"), "{log}");
}
