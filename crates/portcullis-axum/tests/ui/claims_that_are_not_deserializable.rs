//! Claims that serde can't read.

use portcullis_axum::Verifier;

struct Payroll {}

fn main() {
    let _ = Verifier::from_secret::<Payroll>("https://idp.example.com", "payroll", [0; 32]);
}
