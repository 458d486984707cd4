//! A certificate authority for this machine: made at start, trusted by name, and unable to sign again.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// The certificate of the authority, in the folder: what `curl --cacert` takes.
pub(crate) const AUTHORITY: &str = "ca.pem";

/// Makes an authority and a certificate for each service, which is `localhost` to all of them.
///
/// The authority's key never leaves this function: who finds the folder can pose as one of the services, and can't
/// make certificates for other names.
pub(crate) fn make(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let mut params = CertificateParams::new([])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, "two-services, an authority for one run");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    write(&folder.join(AUTHORITY), authority.pem(), 0o644)?;
    for service in ["orders", "billing", "google"] {
        let mut params = CertificateParams::new(["localhost".to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, service);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &authority)?;
        write(&folder.join(format!("{service}.pem")), certificate.pem(), 0o644)?;
        write(&folder.join(format!("{service}.key")), key.serialize_pem(), 0o600)?;
    }
    Ok(())
}

/// Nobody else may read it at any moment, so the mode is that of its creation.
fn write(path: &Path, text: String, mode: u32) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        #[cfg(not(unix))]
        let _ = mode;
        options.open(path)?.write_all(text.as_bytes())
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// The server's half of TLS, with the certificate of this service.
pub(crate) fn server(folder: &Path, service: &str) -> anyhow::Result<Arc<ServerConfig>> {
    let certificate = folder.join(format!("{service}.pem"));
    let key = folder.join(format!("{service}.key"));
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![
                CertificateDer::from_pem_file(&certificate)
                    .with_context(|| format!("reading {}", certificate.display()))?,
            ],
            PrivateKeyDer::from_pem_file(&key)
                .with_context(|| format!("reading {}", key.display()))?,
        )?;
    Ok(Arc::new(config))
}

/// The client's half: it trusts this authority and no other.
pub(crate) fn client(folder: &Path) -> anyhow::Result<ClientConfig> {
    let path = folder.join(AUTHORITY);
    let mut roots = RootCertStore::empty();
    roots.add(
        CertificateDer::from_pem_file(&path)
            .with_context(|| format!("reading {}", path.display()))?,
    )?;
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Told to rustls each time: one that is installed for the process is nobody's in particular.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
