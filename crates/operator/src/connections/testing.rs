//! Clients of a server that a test answers for.

#![allow(clippy::missing_panics_doc, reason = "a test may panic")]

use std::{num::NonZeroU32, sync::Arc};

use ace_egress::{AllowedHosts, Token, Url};
use ace_runtime::testing::Server;
use ace_supabase::{Client, Deadlines, Gateway, Http, Limits};
use jiff::Timestamp;

use super::{Clients, PlatformConnection};

/// A token of the form that the platform gives.
pub const TOKEN: &str = "sbp_0123456789abcdef0123456789abcdef01234567";

/// A connection that has observed nothing, with a budget of sixty requests.
pub fn connection() -> PlatformConnection {
    let rate = NonZeroU32::new(60).unwrap();
    PlatformConnection::new("uid", rate, Timestamp::UNIX_EPOCH)
}

/// The clients of `connection`, at a server.
pub fn clients(
    connection: &PlatformConnection,
    server: &Server,
    deadlines: Deadlines,
    token: &str,
    generation: i64,
) -> Clients {
    let hosts = AllowedHosts::parse([server.url()]).unwrap();
    let http = Http::new(hosts, deadlines, Limits::default()).unwrap();
    let (at, token) = (Url::parse(&server.url()).unwrap(), Token::new(token).unwrap());
    let project = "abcdefghijklmnopqrst".parse().unwrap();
    let client = Client::new(&http, at.clone(), token.clone(), project, connection.budget());
    Clients {
        client: Arc::new(client),
        gateway: Gateway::new(&http, at.clone()),
        anon: None,
        token,
        api: at.clone(),
        at,
        generation: Some(generation),
    }
}
