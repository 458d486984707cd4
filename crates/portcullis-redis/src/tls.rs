//! Connections with TLS, by rustls and aws-lc-rs.

use std::io;
use std::sync::Arc;

use portcullis_core::StoreError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::address::invalid;

/// Trusts these authorities, or those of the operating system.
pub(crate) fn connector(pem: Option<&[u8]>) -> Result<TlsConnector, StoreError> {
    let mut roots = RootCertStore::empty();
    match pem {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| {
                    invalid("the certificates are not in PEM").with_source(error)
                })?;
                roots.add(certificate).map_err(|error| {
                    invalid("a certificate can't be one of an authority").with_source(error)
                })?;
            }
        }
        // single ones that can't be read do not matter as long as there are others
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(invalid("there is no certificate of any authority to trust"));
    }
    // The provider is named: a default for the process is the user's to set, and may be another.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid("TLS can't be set up").with_source(error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

pub(crate) async fn connect(
    connector: &TlsConnector,
    host: &str,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    connector.connect(name, stream).await
}
