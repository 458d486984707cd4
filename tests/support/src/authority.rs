//! A certificate authority of a test's own, and the certificates of the servers that it starts.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// An authority that nobody else trusts. Its key is in memory only.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// Makes one.
    ///
    /// # Errors
    ///
    /// If no key can be made.
    pub fn new() -> io::Result<Self> {
        let mut params = CertificateParams::new([]).map_err(io::Error::other)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, "an authority for one test");
        let key = KeyPair::generate().map_err(io::Error::other)?;
        Ok(Self(CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?))
    }

    /// Its certificate in PEM, for those who are to trust it.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Writes `server.crt` and `server.key` into the folder, for a server of these names. They belong to whoever the folder
    /// belongs to, and nobody else may read them.
    ///
    /// # Errors
    ///
    /// If a name is none, or the files can't be written.
    pub fn issue(&self, names: &[&str], folder: &Path) -> io::Result<()> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.signed_by(&key, &self.0).map_err(io::Error::other)?;
        for (name, text) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())]
        {
            let file = folder.join(name);
            fs::write(&file, text)?;
            #[cfg(unix)]
            {
                use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

                let owner = fs::metadata(folder)?;
                chown(&file, Some(owner.uid()), Some(owner.gid()))?;
                fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
            }
        }
        Ok(())
    }
}

/// Without the key.
impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}
