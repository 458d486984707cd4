//! Orders changes its keys, and Billing follows.

use crate::process::{KeptPort, Place, Running};

struct Both {
    place: Place,
    orders: Running,
    billing: Running,
}

impl Both {
    fn start(args: &[&str]) -> Self {
        let (place, port) = (Place::new(), KeptPort::new());
        let billing = place.billing(&port.url(), args);
        let orders = place.orders(port.release(), billing.url());
        billing.wait_for("keys were fetched");
        Self { place, orders, billing }
    }

    fn operate(&self, path: &str, status: u16) {
        let url = format!("{}{path}", self.orders.url());
        self.place.client().post(&url, self.orders.token("OPERATOR"), "").expect(status);
    }

    fn order(&self, status: u16) {
        let url = format!("{}/orders", self.orders.url());
        let token = self.orders.token("CUSTOMER");
        self.place.client().post(&url, token, r#"{"cents":1}"#).expect(status);
    }

    fn look(&self, status: u16) {
        let url = format!("{}/totals", self.billing.url());
        self.place.client().get(&url, self.orders.token("FOR_BILLING")).expect(status);
    }
}

#[test]
fn a_new_key_is_fetched_when_it_is_met_and_what_the_old_one_signed_still_works() {
    // by itself Billing would not look for another minute
    let both = Both::start(&[]);
    both.order(201);
    both.operate("/keys/rotate", 204);
    // the call to Billing brings the new key's first token, and waits for the key
    both.order(201);
    both.billing.wait_for("keys were fetched");
    both.look(200);
}

#[test]
fn a_key_that_is_withdrawn_stops_working_with_the_next_refresh() {
    let both = Both::start(&["--refresh-every", "1"]);
    both.look(200);
    both.operate("/keys/withdraw", 204);
    // at Orders at once
    both.order(401);
    both.operate("/keys/rotate", 401);
    // at Billing when it has looked
    both.billing.wait_for("keys were fetched");
    both.look(401);
}
