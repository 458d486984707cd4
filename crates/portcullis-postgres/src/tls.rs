//! Connections with TLS, by rustls and aws-lc-rs.

use std::sync::Arc;

use portcullis_core::StoreError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::invalid;

/// Trusts these authorities, or those of the operating system.
pub(crate) fn connector(pem: Option<&[u8]>) -> Result<MakeRustlsConnect, StoreError> {
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
    Ok(MakeRustlsConnect::new(config))
}
