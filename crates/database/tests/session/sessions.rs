use ace_database::{Connection, Limits, OpenError, QueryError};

use crate::server::{PASSWORD, Server};

#[tokio::test]
async fn the_ordinary_role_can_read_the_identity_of_the_server() {
    let mut server = Server::start().await;
    let connection = Connection::open(&server.access()).await.unwrap();
    let identity = connection.identify().await.unwrap();
    connection.close().await;
    let superuser = server.superuser().await;
    let row = superuser
        .query_one(
            "SELECT split_part(current_setting('server_version'), ' ', 1), s.system_identifier::text, c.timeline_id::bigint, \
             (SELECT rolsuper FROM pg_roles WHERE rolname = 'postgres') \
             FROM pg_control_system() s, pg_control_checkpoint() c",
            &[],
        )
        .await
        .unwrap();
    let seen = (
        identity.server_version,
        identity.system_identifier,
        identity.timeline,
        false,
    );
    assert_eq!(seen, (row.get(0), row.get(1), row.get(2), row.get(3)));
}

#[tokio::test]
async fn a_session_bears_our_name() {
    let mut server = Server::start().await;
    let connection = Connection::open(&server.access()).await.unwrap();
    let superuser = server.superuser().await;
    let sessions = "SELECT application_name FROM pg_stat_activity WHERE usename = 'postgres'";
    let rows = superuser.query(sessions, &[]).await.unwrap();
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(names, ["ace-operator"]);
    connection.close().await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_by_the_server() {
    let mut server = Server::start().await;
    let mut access = server.access();
    access.limits.statement = std::time::Duration::from_millis(200);
    let superuser = server.superuser().await;
    // The functions of an identity, made slow for this role: the path of our statement is fixed, so they are replaced in place.
    superuser
        .batch_execute("ALTER FUNCTION pg_catalog.pg_control_system() RENAME TO pg_control_system_of_old; \
             CREATE FUNCTION pg_catalog.pg_control_system(OUT system_identifier bigint) LANGUAGE sql AS 'SELECT 1 FROM pg_sleep(60)'")
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
    let connection = Connection::open(&access).await.unwrap();
    let error = connection.identify().await.unwrap_err();
    assert_eq!(error.reason(), "Unavailable");
    assert_eq!(
        error.to_string(),
        "the server is temporarily unable to answer (SQLSTATE 57014)"
    );
    // The session stands: it was the server who gave up, not we.
    let again = connection.identify().await.unwrap_err();
    assert_eq!(again, error);
}

#[tokio::test]
async fn a_restart_ends_the_session_and_the_next_one_finds_the_same_server() {
    let mut server = Server::start().await;
    let connection = Connection::open(&server.access()).await.unwrap();
    let before = connection.identify().await.unwrap();
    server.stop();
    assert_eq!(connection.identify().await, Err(QueryError::Closed));
    let refused = Connection::open(&server.access()).await.map(|_| ());
    assert_eq!(
        refused,
        Err(OpenError::Unreachable(std::io::ErrorKind::ConnectionRefused))
    );
    server.run().await;
    let connection = Connection::open(&server.access()).await.unwrap();
    assert_eq!(connection.identify().await, Ok(before));
    connection.close().await;
}

#[tokio::test]
async fn a_dropped_session_ends_at_the_server() {
    let mut server = Server::start().await;
    let superuser = server.superuser().await;
    drop(Connection::open(&server.access()).await.unwrap());
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'postgres'";
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_mins(1);
    while superuser.query_one(sessions, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        assert!(tokio::time::Instant::now() < deadline, "the session is still there");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn nothing_that_can_be_printed_shows_the_password() {
    let server = Server::start().await;
    let mut access = server.access();
    assert!(!format!("{access:?}").contains(PASSWORD));
    access.user = "nobody".to_owned();
    let error = Connection::open(&access).await.map(|_| ()).unwrap_err();
    let source = std::error::Error::source(&error).map(ToString::to_string);
    let shown = format!("{error} {error:?} {source:?} {}", error.reason());
    assert!(!shown.contains(PASSWORD) && !shown.contains("nobody"), "{shown}");
}

#[test]
fn the_limits_are_the_documented_ones() {
    let Limits {
        open,
        statement,
        idle_in_transaction,
    } = Limits::default();
    assert_eq!(
        [open, statement, idle_in_transaction].map(|limit| limit.as_secs()),
        [10, 10, 60]
    );
}
