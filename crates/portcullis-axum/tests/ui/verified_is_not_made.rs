//! A verified token can't be made up or altered: holding one is the proof.

use portcullis_axum::Verified;

fn launder(genuine: Verified<u32>) -> Verified<u32> {
    Verified { unchecked: None, ..genuine }
}

fn main() {}
