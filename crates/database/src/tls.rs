use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;

/// TLS mode of a connection.
#[derive(Clone, Debug)]
pub enum Tls {
    /// Encrypted; certificate and host name are verified, with this CA or else with those of the system.
    VerifyFull(Option<Authority>),
    /// Encrypted; the certificate is not verified.
    Require,
    Disable,
}

/// Certificates of the trusted CAs.
#[derive(Clone)]
pub struct Authority {
    store: Arc<RootCertStore>,
    /// The same as they were read, for programs that verify by themselves.
    certificates: Arc<[CertificateDer<'static>]>,
}

/// Why a text has no CA certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AuthorityError {
    /// No `BEGIN CERTIFICATE` in it.
    #[error("it has no PEM certificate")]
    Missing,
    /// A certificate in it is damaged.
    #[error("a certificate in it can't be read")]
    Unreadable,
}

impl Authority {
    /// Reads one or more PEM certificates; text between them is skipped.
    pub fn from_pem(text: &str) -> Result<Self, AuthorityError> {
        let mut store = RootCertStore::empty();
        let mut certificates = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
            let certificate = certificate.map_err(|_| AuthorityError::Unreadable)?;
            store.add(certificate.clone()).map_err(|_| AuthorityError::Unreadable)?;
            certificates.push(certificate);
        }
        if store.is_empty() {
            return Err(AuthorityError::Missing);
        }
        Ok(Self {
            store: Arc::new(store),
            certificates: certificates.into(),
        })
    }

    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Authority({} certificates)", self.certificates.len())
    }
}

/// A configuration that verifies with `authority`. If that is `None` the system's certificates are read from files, each time
/// again, so that a replaced bundle is used.
pub(crate) fn verifying(authority: Option<Authority>) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?;
    let builder = match authority {
        Some(authority) => builder.with_root_certificates(authority.store),
        None => builder.with_platform_verifier()?,
    };
    Ok(builder.with_no_client_auth())
}

/// A configuration that accepts any certificate.
pub(crate) fn believing() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    Ok(config)
}

/// Any certificate is accepted, but the server must have its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::{Authority, AuthorityError};

    #[test]
    fn a_text_without_a_sound_certificate_is_no_authority() {
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n";
        let table = [
            ("", AuthorityError::Missing),
            ("not a certificate", AuthorityError::Missing),
            (key, AuthorityError::Missing),
            (damaged, AuthorityError::Unreadable),
            (cut, AuthorityError::Unreadable),
        ];
        for (text, error) in table {
            assert_eq!(Authority::from_pem(text).map(|_| ()), Err(error), "{text}");
        }
    }
}
