//! A scope where a requirement is expected: `Scope<Pay>` is one, `Pay` is not.

use portcullis_axum::{AccessClaims, RequireLayer, ScopeName};

struct Pay;
impl ScopeName for Pay {
    const NAME: &'static str = "payments:write";
}

fn main() {
    let _ = RequireLayer::<Pay, AccessClaims>::new();
}
