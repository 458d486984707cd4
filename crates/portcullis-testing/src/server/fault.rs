//! The ways in which an issuer can fail.

/// How a path of an [`IssuerServer`](super::IssuerServer) fails. A path that is not named answers as ever.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// An answer of this status, with an empty body.
    Status(u16),
    /// A redirect to this address.
    Redirect(String),
    /// The request is read, and nothing is answered until the client gives up.
    Hang,
    /// The answer begins, and then comes byte by byte without an end.
    Drip,
    /// The answer comes as fast as it can, without an end.
    Endless,
    /// The connection is closed in the middle of the answer.
    BreakOff,
    /// The connection is closed without an answer.
    Close,
    /// 304, whether or not the client asked for it.
    NotModified,
}
