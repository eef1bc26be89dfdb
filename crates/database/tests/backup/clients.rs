use ace_database::{Authority, ClientError, Dump, Tls};
use rcgen::{CertificateParams, KeyPair};
use tokio::io::AsyncReadExt;

use crate::bed::{Bed, Programs, programs};

#[tokio::test]
async fn a_server_is_dumped_by_a_client_of_its_own_major_or_not_at_all() {
    let bed = Bed::new("").await;
    let snapshot = bed.snapshot().await;
    let start = async |programs: &Programs| {
        let started = Dump::start(&programs.clients, &bed.access(), "ace-backup/1", &snapshot).await;
        started.map(|_| ()).unwrap_err()
    };
    let none = Programs::none();
    let wanted = none.major;
    assert_eq!(
        start(&none).await,
        ClientError::VersionUnavailable { wanted, found: vec![] }
    );

    // A newer one writes what this server can't load, and an older one refuses: neither is started.
    let others = none
        .with(wanted + 1, "pg_dump", "99.1", "exit 0")
        .with(wanted - 1, "pg_dump", "1.1", "exit 0");
    let found = vec![wanted - 1, wanted + 1];
    let error = start(&others).await;
    assert_eq!(error, ClientError::VersionUnavailable { wanted, found });
    assert_eq!(error.reason(), "ClientVersionUnavailable");
    assert!(
        error
            .to_string()
            .contains(&format!("install postgresql-client-{wanted}")),
        "{error}"
    );

    // The name of its directory says nothing.
    let renamed = Programs::none().with(wanted, "pg_dump", &format!("{}.1", wanted + 1), "exit 0");
    assert_eq!(
        start(&renamed).await,
        ClientError::VersionUnavailable { wanted, found: vec![] }
    );
}

#[tokio::test]
async fn a_client_verifies_the_server_as_a_session_does() {
    let bed = Bed::new("").await;
    let snapshot = bed.snapshot().await;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let authority = Authority::from_pem(&certificate.pem()).unwrap();
    for tls in [Tls::VerifyFull(Some(authority)), Tls::Require] {
        // This server speaks no TLS, so that a client that would go on without it is seen.
        let mut access = bed.access();
        access.tls = tls;
        let mut dump = Dump::start(&programs().clients, &access, "ace-backup/1", &snapshot)
            .await
            .unwrap();
        let mut bytes = Vec::new();
        dump.read_to_end(&mut bytes).await.unwrap();
        let error = dump.finish().await.unwrap_err();
        assert_eq!((bytes.len(), error.reason()), (0, "Connection"), "{error}");
    }
}
