//! x
/// x
#[derive(Debug)] pub struct Keys;
