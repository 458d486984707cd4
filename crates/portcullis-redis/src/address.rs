//! Where the server is, from a URL.

use portcullis_core::{StoreError, StoreErrorKind};
use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};

/// What a URL says.
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    /// User, password and database.
    pub(crate) session: RedisConnectionInfo,
}

impl Address {
    /// Reads `redis://[user:password@]host[:port][/database]`, or `rediss://`, `valkey://`, `valkeys://`.
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        // the client only knows the schemes with TLS where it does the TLS itself
        let (plain, tls) = match url.split_once("://") {
            Some(("rediss" | "valkeys", rest)) => (format!("redis://{rest}"), true),
            _ => (url.to_owned(), false),
        };
        // the cause may repeat the URL, and with it the password
        let info = plain.into_connection_info().map_err(|_| {
            invalid("the address of the server is not a URL like redis://host:6379")
        })?;
        let session =
            info.redis_settings().clone().set_lib_name("portcullis", env!("CARGO_PKG_VERSION"));
        match info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                Ok(Self { host: host.clone(), port: *port, tls, session })
            }
            _ => Err(invalid("the server is to be reached by TCP")),
        }
    }
}

pub(crate) fn invalid(what: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_urls_and_repeats_none() {
        for (url, host, port, tls) in [
            ("redis://cache", "cache", 6379, false),
            ("valkey://10.0.0.1:7000/2", "10.0.0.1", 7000, false),
            ("rediss://bob:s3cret@cache:6380", "cache", 6380, true),
            ("valkeys://cache", "cache", 6379, true),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!((address.host.as_str(), address.port, address.tls), (host, port, tls));
        }
        for url in ["", "http://s3cret@cache", "redis://:s3cret@", "unix:///s3cret"] {
            let error = Address::parse(url).err().unwrap();
            assert_eq!(error.kind(), StoreErrorKind::Invalid);
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }
}
