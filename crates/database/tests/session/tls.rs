use ace_database::{Access, Authority, CertificateFault, Connection, InsecureLogin, OpenError, Tls};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, date_time_ymd};

use crate::server::Server;

/// An authority, and a server's certificate and key that it signed.
struct Signed {
    authority: String,
    certificate: String,
    key: String,
}

/// A certificate for `localhost`, and for no address; `change` makes it worse.
fn sign(change: impl FnOnce(&mut CertificateParams)) -> Signed {
    sign_as("authority", change)
}

/// The same, by an authority of this name.
fn sign_as(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Signed {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut server = CertificateParams::new(["localhost".to_owned()]).unwrap();
    change(&mut server);
    let certificate = server
        .signed_by(&key, &Issuer::from_params(&authority, &authority_key))
        .unwrap();
    Signed {
        authority: authority_certificate.pem(),
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    }
}

/// A server that speaks TLS with this certificate.
async fn server(signed: &Signed, settings: &[&str]) -> Server {
    let files = [("server.crt", signed.certificate.as_str()), ("server.key", &signed.key)];
    let tls = ["ssl=on", "ssl_cert_file={server.crt}", "ssl_key_file={server.key}"];
    Server::start_with(&files, &[&tls, settings].concat()).await
}

/// How an attempt under this name and rule ends.
async fn attempt(server: &Server, host: &str, tls: Tls) -> Result<(), OpenError> {
    let access = Access {
        host: host.to_owned(),
        tls,
        ..server.access()
    };
    let connection = Connection::open(&access).await?;
    assert!(connection.identify().await.is_ok());
    connection.close().await;
    Ok(())
}

fn by(signed: &Signed) -> Tls {
    Tls::VerifyFull(Some(Authority::from_pem(&signed.authority).unwrap()))
}

#[tokio::test]
async fn only_the_given_authority_and_the_right_host_name_are_trusted() {
    let (signed, namesake, stranger) = (sign(|_| ()), sign(|_| ()), sign_as("stranger", |_| ()));
    let server = server(&signed, &[]).await;
    let refused = |fault| Err(OpenError::Certificate(fault));
    let table = [
        ("localhost", by(&signed), Ok(())),
        ("127.0.0.1", by(&signed), refused(CertificateFault::WrongName)),
        ("localhost", by(&stranger), refused(CertificateFault::UnknownIssuer)),
        ("localhost", by(&namesake), refused(CertificateFault::UnknownIssuer)),
        (
            "localhost",
            Tls::VerifyFull(None),
            refused(CertificateFault::UnknownIssuer),
        ),
        ("127.0.0.1", Tls::Require, Ok(())),
    ];
    for (host, tls, expected) in table {
        let rule = format!("{tls:?}");
        assert_eq!(attempt(&server, host, tls).await, expected, "{host} {rule}");
    }
}

#[tokio::test]
async fn a_certificate_outside_of_its_time_is_refused() {
    let table = [
        (2001, 2002, CertificateFault::Expired),
        (2100, 2101, CertificateFault::NotYetValid),
    ];
    for (from, to, fault) in table {
        let signed = sign(|certificate| {
            certificate.not_before = date_time_ymd(from, 1, 1);
            certificate.not_after = date_time_ymd(to, 1, 1);
        });
        let server = server(&signed, &[]).await;
        assert_eq!(
            attempt(&server, "localhost", by(&signed)).await,
            Err(OpenError::Certificate(fault))
        );
    }
}

#[tokio::test]
async fn an_authority_may_lie_among_others_in_one_file() {
    let (signed, stranger) = (sign(|_| ()), sign(|_| ()));
    let server = server(&signed, &[]).await;
    let both = format!("# ours\n{}\n# theirs\n{}", stranger.authority, signed.authority);
    let tls = Tls::VerifyFull(Some(Authority::from_pem(&both).unwrap()));
    assert_eq!(attempt(&server, "localhost", tls).await, Ok(()));
}

#[tokio::test]
async fn a_server_that_requires_another_version_of_tls_is_distinguished_from_one_with_a_bad_certificate() {
    let signed = sign(|_| ());
    let server = server(
        &signed,
        &["ssl_min_protocol_version=TLSv1.1", "ssl_max_protocol_version=TLSv1.1"],
    )
    .await;
    assert_eq!(
        attempt(&server, "localhost", Tls::Require).await,
        Err(OpenError::Handshake)
    );
}

#[tokio::test]
async fn where_tls_is_on_nothing_is_sent_in_the_clear() {
    let mut server = server(&sign(|_| ()), &[]).await;
    let access = Access {
        tls: Tls::Require,
        ..server.access()
    };
    let connection = Connection::open(&access).await.unwrap();
    let superuser = server.superuser().await;
    let encrypted = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'postgres'";
    assert!(superuser.query_one(encrypted, &[]).await.unwrap().get::<_, bool>(0));
    connection.close().await;
}

#[tokio::test]
async fn a_password_that_others_could_use_is_given_only_where_that_is_allowed() {
    let (clear, md5) = (InsecureLogin::ClearText, InsecureLogin::Md5);
    for (method, stored, asked) in [
        ("scram-sha-256", "scram-sha-256", None),
        ("password", "scram-sha-256", Some(clear)),
        ("md5", "md5", Some(md5)),
    ] {
        let rules = format!("host all all 127.0.0.1/32 {method}\nlocal all all trust\n");
        let signed = sign(|_| ());
        let files = [
            ("server.crt", signed.certificate.as_str()),
            ("server.key", &signed.key),
            ("hba.conf", &rules),
        ];
        let encryption = format!("password_encryption={stored}");
        let tls = ["ssl=on", "ssl_cert_file={server.crt}", "ssl_key_file={server.key}"];
        let server = Server::start_with(&files, &[&tls[..], &["hba_file={hba.conf}", &encryption]].concat()).await;
        for tls in [by(&signed), Tls::Require, Tls::Disable] {
            let plain = matches!(tls, Tls::Disable);
            let access = |allow_insecure| Access {
                host: "localhost".to_owned(),
                tls: tls.clone(),
                allow_insecure,
                ..server.access()
            };
            let opened = async |access: Access| Connection::open(&access).await.map(|_| ());
            let refused = if plain { Some(InsecureLogin::Unencrypted) } else { asked };
            let expected = refused.map_or(Ok(()), |login| Err(OpenError::Insecure(login)));
            assert_eq!(opened(access(false)).await, expected, "{method}");
            assert_eq!(opened(access(true)).await, Ok(()), "{method}");
        }
    }
}
