use std::{future::pending, io::ErrorKind, time::Duration};

use ace_database::{Access, Connection, Limits, OpenError, Password, SqlState, Tls};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::server::{Server, free_port};

type Change = fn(&mut Access);

async fn refusal(access: &Access) -> OpenError {
    Connection::open(access).await.map(|_| ()).unwrap_err()
}

/// What a refusal is, and its SQLSTATE.
fn state(error: &OpenError) -> (&'static str, Option<&str>) {
    let state = match error {
        OpenError::Refused(state) | OpenError::Unavailable(state) => Some(SqlState::as_str(state)),
        _ => None,
    };
    (error.reason(), state)
}

/// The way to something that listens on this port.
fn to(port: u16) -> Access {
    Access {
        host: "127.0.0.1".to_owned(),
        port,
        name: "postgres".to_owned(),
        user: "postgres".to_owned(),
        password: Password::new("secret").unwrap(),
        tls: Tls::Disable,
        limits: Limits {
            open: Duration::from_millis(300),
            ..Limits::default()
        },
        allow_insecure: true,
    }
}

/// Something that does `act` to whoever connects.
async fn listener<F: Future<Output = ()> + Send>(act: impl Fn(TcpStream) -> F + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            act(stream).await;
        }
    });
    port
}

#[tokio::test]
async fn a_server_that_answers_says_what_it_refuses() {
    let mut server = Server::start().await;
    let superuser = server.superuser().await;
    for statement in [
        "CREATE DATABASE closed",
        "REVOKE CONNECT ON DATABASE closed FROM PUBLIC",
    ] {
        superuser.batch_execute(statement).await.unwrap();
    }
    let table: [(Change, (&str, Option<&str>)); 5] = [
        (
            |access| access.password = Password::new("wrong").unwrap(),
            ("PasswordRejected", None),
        ),
        (|access| access.user = "nobody".to_owned(), ("PasswordRejected", None)),
        (|access| access.name = "absent".to_owned(), ("Refused", Some("3D000"))),
        (|access| access.name = "closed".to_owned(), ("Refused", Some("42501"))),
        (|access| access.tls = Tls::Require, ("NoTls", None)),
    ];
    for (change, expected) in table {
        let mut access = server.access();
        change(&mut access);
        assert_eq!(state(&refusal(&access).await), expected);
    }
}

#[tokio::test]
async fn a_server_without_a_free_connection_is_temporarily_unavailable() {
    let mut server = Server::start().await;
    let superuser = server.superuser().await;
    superuser
        .batch_execute("ALTER ROLE postgres CONNECTION LIMIT 0")
        .await
        .unwrap();
    let error = refusal(&server.access()).await;
    assert_eq!(state(&error), ("Unavailable", Some("53300")));
}

#[tokio::test]
async fn an_identity_that_the_role_may_not_read_is_refused_by_name() {
    let mut server = Server::start().await;
    let superuser = server.superuser().await;
    superuser
        .batch_execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        .await
        .unwrap();
    let connection = Connection::open(&server.access()).await.unwrap();
    let error = connection.identify().await.unwrap_err();
    assert_eq!(error.to_string(), "the server refuses the statement (SQLSTATE 42501)");
}

#[tokio::test]
async fn a_host_that_hangs_is_given_up_at_the_limit() {
    let port = listener(|stream| async move {
        tokio::spawn(async move {
            let _open = stream;
            pending::<()>().await;
        });
    })
    .await;
    for tls in [Tls::Disable, Tls::Require] {
        let access = Access { tls, ..to(port) };
        assert_eq!(refusal(&access).await, OpenError::NoAnswer(access.limits.open));
    }
}

#[tokio::test]
async fn a_connection_that_ends_is_no_statement_about_anything() {
    let closes = listener(|stream| async move { drop(stream) }).await;
    assert_eq!(refusal(&to(closes)).await, OpenError::Closed);
    // In the middle of the handshake.
    let breaks = listener(|mut stream| async move {
        let mut request = [0; 8];
        let _ = stream.read_exact(&mut request).await;
        let _ = stream.write_all(b"S").await;
    })
    .await;
    let access = Access {
        tls: Tls::Require,
        ..to(breaks)
    };
    assert_eq!(refusal(&access).await, OpenError::Closed);
}

#[tokio::test]
async fn what_does_not_speak_the_protocol_is_no_database() {
    let web = listener(|mut stream| async move {
        // All of it: what stays unread would make the end of the connection a reset.
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    assert_eq!(refusal(&to(web)).await.reason(), "Protocol");
    let encrypted = Access {
        tls: Tls::Require,
        ..to(web)
    };
    assert_eq!(refusal(&encrypted).await, OpenError::NoTls);
}

#[tokio::test]
async fn a_host_without_an_address_is_distinguished_from_one_without_a_server() {
    let port = free_port();
    let nobody = OpenError::Unreachable(ErrorKind::ConnectionRefused);
    assert_eq!(refusal(&to(port)).await, nobody);
    // A label of more than 63 characters needs no name server to be wrong.
    for host in ["x".repeat(64) + ".invalid", "/var/run/postgresql".to_owned()] {
        let access = Access { host, ..to(port) };
        assert_eq!(refusal(&access).await, OpenError::Unresolved);
    }
}
