//! Orders is down: which is not the caller's fault, and not the end of what is known.

use portcullis_axum::Algorithm;
use portcullis_issuer::{SigningKey, TokenIssuer};
use serde_json::json;

use crate::process::{KeptPort, Place};

#[test]
fn before_its_keys_were_fetched_tokens_of_orders_are_503_and_then_as_they_deserve() {
    let (place, port) = (Place::new(), KeptPort::new());
    let billing = place.billing(&port.url(), &[]);
    let totals = format!("{}/totals", billing.url());
    let client = place.client();

    let somebodys =
        TokenIssuer::builder(port.url(), SigningKey::generate(Algorithm::ES256).unwrap())
            .audience(billing.url())
            .build()
            .unwrap();
    let claims = json!({ "sub": "orders", "client_id": "orders" });
    let forged = somebodys.mint(&claims).unwrap();
    // it is forged, which nobody can know yet
    client.get(&totals, forged.token()).expect(503);
    // what is no token of Orders at all needs no keys to be refused
    client.get(&totals, "x").expect(401);
    billing.wait_for("keys could not be fetched");

    let orders = place.orders(port.release(), billing.url());
    billing.wait_for("keys were fetched");
    client.get(&totals, orders.token("FOR_BILLING")).expect(200);
    client.get(&totals, forged.token()).expect(401);
}

#[test]
fn keys_that_are_known_work_on_while_orders_is_down() {
    let (place, port) = (Place::new(), KeptPort::new());
    let billing = place.billing(&port.url(), &["--refresh-every", "1"]);
    let orders = place.orders(port.release(), billing.url());
    billing.wait_for("keys were fetched");
    let (totals, token) =
        (format!("{}/totals", billing.url()), orders.token("FOR_BILLING").to_owned());

    orders.kill();
    billing.wait_for("keys could not be fetched");
    place.client().get(&totals, &token).expect(200);
}

#[test]
fn keys_that_nobody_confirmed_for_too_long_are_trusted_no_more() {
    let (place, port) = (Place::new(), KeptPort::new());
    let billing = place.billing(&port.url(), &["--refresh-every", "1", "--trust-for", "2"]);
    let orders = place.orders(port.release(), billing.url());
    billing.wait_for("keys were fetched");
    let (totals, token) =
        (format!("{}/totals", billing.url()), orders.token("FOR_BILLING").to_owned());

    orders.kill();
    // no event tells of it but the answer
    let client = place.client();
    while client.get(&totals, &token).status == 200 {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    client.get(&totals, &token).expect(503);
}

#[test]
fn an_order_is_503_while_billing_is_down_and_502_if_billing_refuses() {
    let (place, port) = (Place::new(), KeptPort::new());
    let orders = place.orders(0, &port.url());
    let url = format!("{}/orders", orders.url());
    let order = |status| {
        place.client().post(&url, orders.token("CUSTOMER"), r#"{"cents":1}"#).expect(status);
    };
    let listen = format!("127.0.0.1:{}", port.release());
    // nobody listens
    order(503);
    // Billing is there and has no keys of Orders
    let (orders_url, nowhere) = (orders.url(), KeptPort::new().url());
    let args = ["--listen", &listen, "--google", "https://localhost:1", "--orders"];
    let billing = place.start("billing", &[&args[..], &[&nowhere]].concat());
    // it trusts an Orders at another address, so these tokens are a stranger's
    order(502);
    billing.kill();
    let billing = place.start("billing", &[&args[..], &[orders_url]].concat());
    billing.wait_for("keys were fetched");
    order(201);
}
