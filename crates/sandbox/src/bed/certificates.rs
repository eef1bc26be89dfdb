//! The API server's certificates and the key of its ServiceAccount tokens: made once for a directory, then kept, so that
//! kubeconfigs and tokens given out stay valid over restarts.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

use super::error::BedError;
use super::file;
use super::node;

/// Where the files lie.
#[derive(Debug, Clone)]
pub(super) struct Certificates {
    pub(super) authority: PathBuf,
    pub(super) server: PathBuf,
    pub(super) server_key: PathBuf,
    /// By which the API server is known to a kubelet.
    pub(super) kubelet_client: PathBuf,
    pub(super) kubelet_client_key: PathBuf,
    pub(super) service_accounts: PathBuf,
    pub(super) service_accounts_key: PathBuf,
}

impl Certificates {
    /// Those in `directory`, made when they are not all there.
    pub(super) fn ensure(directory: &Path) -> Result<Certificates, BedError> {
        let certificates = Certificates {
            authority: directory.join("ca.crt"),
            server: directory.join("api-server.crt"),
            server_key: directory.join("api-server.key"),
            kubelet_client: directory.join("kubelet-client.crt"),
            kubelet_client_key: directory.join("kubelet-client.key"),
            service_accounts: directory.join("service-accounts.pub"),
            service_accounts_key: directory.join("service-accounts.key"),
        };
        // Written last below: where it is, the others are.
        if !(certificates.authority.exists() && certificates.server.exists()) {
            file::make_directory(directory)?;
            certificates.make()?;
        }
        Ok(certificates)
    }

    fn make(&self) -> Result<(), BedError> {
        let authority_key = KeyPair::generate()?;
        let mut authority = named("ace-bed");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority_certificate = authority.self_signed(&authority_key)?;

        let server_key = KeyPair::generate()?;
        let mut server = named("kube-apiserver");
        server.subject_alt_names = vec![
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            // Where pods expect it.
            SanType::IpAddress(IpAddr::V4(node::SERVICE)),
            SanType::DnsName("localhost".try_into()?),
            SanType::DnsName("kubernetes.default.svc".try_into()?),
        ];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let issuer = Issuer::from_params(&authority, &authority_key);
        let server_certificate = server.signed_by(&server_key, &issuer)?;

        let client_key = KeyPair::generate()?;
        let mut client = named("kube-apiserver");
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        client.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let client_certificate = client.signed_by(&client_key, &issuer)?;

        let service_accounts_key = KeyPair::generate()?;
        file::write(&self.service_accounts_key, service_accounts_key.serialize_pem())?;
        file::write(&self.service_accounts, service_accounts_key.public_key_pem())?;
        file::write(&self.kubelet_client_key, client_key.serialize_pem())?;
        file::write(&self.kubelet_client, client_certificate.pem())?;
        file::write(&self.server_key, server_key.serialize_pem())?;
        file::write(&self.server, server_certificate.pem())?;
        file::write(&self.authority, authority_certificate.pem())
    }
}

fn named(name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters
}
