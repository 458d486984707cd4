//! x

/// x
#[derive(Debug)] pub struct Algorithm;
