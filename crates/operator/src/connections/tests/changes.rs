//! Changes that plan or token do not permit.

use ace_domain::kinds::platform::RefusedBy;
use ace_runtime::testing::{Answer, Server, server};
use ace_supabase::{CallError, Deadlines};

use super::super::PlatformConnection;
use crate::connections::testing::{TOKEN, clients, connection};

const OTHER_TOKEN: &str = "sbp_fedcba9876543210fedcba9876543210fedcba98";

fn refused(status: u16) -> CallError {
    CallError::Refused {
        status,
        message: "upgrade".to_owned(),
    }
}

/// Who refused the last change, and in which words.
fn refusal(connection: &PlatformConnection) -> Option<(RefusedBy, String)> {
    let refusal = connection.health().refusal?;
    Some((refusal.by, refusal.message))
}

fn opened(connection: &PlatformConnection, server: &Server, token: &str, generation: i64) {
    let clients = clients(connection, server, Deadlines::default(), token, generation);
    connection.set_clients(Some(clients));
}

#[tokio::test]
async fn a_refusal_by_plan_or_token_ends_with_a_change_another_token_or_another_spec() {
    let server = server(|_| Answer::bytes("")).await;
    for (status, by) in [(402, RefusedBy::Plan), (403, RefusedBy::Permissions)] {
        let connection = connection();
        let stands = Some((by, "upgrade".to_owned()));
        opened(&connection, &server, TOKEN, 1);
        connection.note_change(Some(&refused(status)));
        assert_eq!(refusal(&connection), stands);
        opened(&connection, &server, TOKEN, 1);
        assert_eq!(refusal(&connection), stands, "the same token and spec");

        opened(&connection, &server, OTHER_TOKEN, 1);
        assert_eq!(refusal(&connection), None, "another token");
        connection.note_change(Some(&refused(status)));
        opened(&connection, &server, OTHER_TOKEN, 2);
        assert_eq!(refusal(&connection), None, "another spec");
        connection.note_change(Some(&refused(status)));
        connection.note_change(None);
        assert_eq!(refusal(&connection), None, "a change");
        connection.note_change(Some(&refused(status)));
        connection.set_clients(None);
        assert_eq!(
            refusal(&connection),
            None,
            "the token is gone, and may come back as another"
        );
    }
}

/// A rejected token stops every request, and is the Platform's own `TokenRejected`.
#[test]
fn no_other_failure_of_a_change_says_anything_of_what_is_permitted() {
    let others = [
        refused(400),
        refused(401),
        refused(404),
        CallError::Unavailable {
            status: 403,
            message: None,
        },
        CallError::Timeout,
    ];
    let connection = connection();
    for error in &others {
        connection.note_change(Some(error));
        assert_eq!(refusal(&connection), None, "{error}");
    }
    connection.note_change(Some(&refused(402)));
    for error in &others {
        connection.note_change(Some(error));
        assert_eq!(refusal(&connection).map(|(by, _)| by), Some(RefusedBy::Plan), "{error}");
    }
}
