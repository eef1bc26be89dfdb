use std::{future::poll_fn, pin::pin, time::Duration};

use ace_api::DatabaseStatus;
use futures::TryStreamExt;
use tokio::{
    task::{AbortHandle, spawn_blocking},
    time::timeout,
};
use tokio_postgres::{
    AsyncMessage, Client, Config, Row, SimpleQueryMessage, SimpleQueryRow, Socket,
    config::{Host, SslMode, SslNegotiation},
    tls::MakeTlsConnect,
    types::{ToSql, Type},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    Access, Excess, InsecureLogin, Limits, OpenError, QueryError, Tls,
    identity::{IDENTIFY, identity},
    meter::{Keeping, Meter, Metering, Refusal},
    notices::Notices,
    tls::{believing, verifying},
};

/// Port of Supabase's pooler in transaction mode, on every host.
const TRANSACTION_POOLER: u16 = 6543;

/// Default `application_name` of sessions.
const APPLICATION: &str = "ace-operator";

/// TCP keepalive: a connection without data for this long is probed, and closed after three probes.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

/// TCP user timeout: a connection is closed if sent data is not acknowledged for this long.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Deadline for closing a session.
const PARTING: Duration = Duration::from_secs(1);

/// One session of one backend. Dropping it ends it.
pub struct Connection {
    client: Client,
    limits: Limits,
    meter: Meter,
    /// Process of the backend, as the server calls it.
    pid: String,
    notices: Notices,
    driver: AbortOnDropHandle<()>,
}

/// Search path for our own statements: in any other schema a lesser role may make an operator that suits better than
/// PostgreSQL's, and it would run with our rights.
pub(crate) const OUR_PATH: &str = "pg_catalog, pg_temp";

/// Start-up parameters of a session. They outlive `RESET ALL`; those of `SET` do not.
pub(crate) struct StartUp<'a> {
    /// `application_name` of the session.
    pub(crate) application: &'a str,
    /// A file's own statements run in it, under the path that role and database have.
    pub(crate) runs_files: bool,
    /// Names and values, beside those of [`Limits`], which they override.
    pub(crate) settings: Vec<(&'static str, String)>,
}

/// Parameters of a statement. Their types are named, so that it needs no round trip of its own to be prepared.
pub(crate) type Parameters<'a> = &'a [(&'a (dyn ToSql + Sync), Type)];

impl Connection {
    /// Opens a session, and checks that it is one: that two statements are answered by the same backend.
    pub async fn open(access: &Access) -> Result<Self, OpenError> {
        let ordinary = StartUp {
            application: APPLICATION,
            runs_files: false,
            settings: Vec::new(),
        };
        Self::open_as(access, &ordinary).await
    }

    /// Opens a session with another name and further settings.
    pub(crate) async fn open_as(access: &Access, start_up: &StartUp<'_>) -> Result<Self, OpenError> {
        if access.port == TRANSACTION_POOLER {
            return Err(OpenError::Pooler);
        }
        let limit = access.limits.open;
        let (notices, meter) = (Notices::default(), Meter::new(access.allow_insecure));
        let opened = timeout(limit, connect(access, start_up, &notices, &meter)).await;
        let (client, driver) = opened.map_err(|_| OpenError::NoAnswer(limit))??;
        let mut connection = Self {
            client,
            limits: access.limits,
            meter,
            pid: String::new(),
            notices,
            driver,
        };
        connection.pid = connection.backend().await?;
        if connection.backend().await? != connection.pid {
            return Err(OpenError::Pooler);
        }
        if start_up.runs_files {
            connection.execute(&format!("SET search_path = {OUR_PATH}")).await?;
        }
        Ok(connection)
    }

    /// Reads the identity of the server.
    pub async fn identify(&self) -> Result<DatabaseStatus, QueryError> {
        let [version, system_identifier, timeline] = self.row(IDENTIFY).await?;
        identity([&version, &system_identifier, &timeline]).ok_or(QueryError::Protocol)
    }

    /// Closes the session in order, so that the server does not log a lost client.
    pub async fn close(self) {
        let Self { client, driver, .. } = self;
        drop(client);
        // A server that does not answer in time is not waited for.
        let _ = timeout(PARTING, driver).await;
    }

    /// Process of the backend that answers.
    async fn backend(&self) -> Result<String, QueryError> {
        let [pid] = self.row("SELECT pg_catalog.pg_backend_pid()").await?;
        Ok(pid)
    }

    /// The only row of a statement: all of its columns, none of them null. One message, no prepared statement.
    pub(crate) async fn row<const N: usize>(&self, statement: &str) -> Result<[String; N], QueryError> {
        let row = self.rows(statement).await?.into_iter().next();
        let columns: Option<Vec<_>> = row.ok_or(QueryError::Protocol)?.into_iter().collect();
        columns
            .and_then(|columns| columns.try_into().ok())
            .ok_or(QueryError::Protocol)
    }

    /// The rows of a statement, as text. One message, no prepared statement.
    pub(crate) async fn rows(&self, statement: &str) -> Result<Vec<Vec<Option<String>>>, QueryError> {
        // Taken over as they come: the whole answer would be held twice.
        let rows = async {
            let mut messages = pin!(self.client.simple_query_raw(statement).await?);
            let mut rows = Vec::new();
            while let Some(message) = messages.try_next().await? {
                if let SimpleQueryMessage::Row(row) = message {
                    rows.push(columns(&row)?);
                }
            }
            Ok(rows)
        };
        self.answer(rows).await
    }

    /// The rows of a statement with parameters.
    pub(crate) async fn query(&self, statement: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, QueryError> {
        self.answer(self.client.query_typed(statement, parameters)).await
    }

    /// Runs statements whose answer is of no interest.
    pub(crate) async fn execute(&self, statements: &str) -> Result<(), QueryError> {
        self.answer(self.client.batch_execute(statements)).await
    }

    /// The driver's result, within the limit. A timeout ends the session: the next statement would wait behind this one.
    pub(crate) async fn answer<T>(
        &self,
        statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, QueryError> {
        let _keeping = self.keep();
        let limit = self.limit();
        let answer = timeout(limit, statement).await.map_err(|_| {
            self.abandon();
            QueryError::NoAnswer(limit)
        })?;
        answer.map_err(|error| self.excess().map_or_else(|| QueryError::of(&error), QueryError::Excess))
    }

    /// An answer is waited for and kept.
    pub(crate) fn keep(&self) -> Keeping {
        self.meter.keep()
    }

    /// Why the server was not listened to any longer: the session has ended with it.
    pub(crate) fn excess(&self) -> Option<Excess> {
        match self.meter.refusal()? {
            Refusal::Excess(excess) => Some(excess),
            // There is no session without a login.
            Refusal::Login(_) => None,
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// How long a statement is waited for.
    pub(crate) fn limit(&self) -> Duration {
        self.limits.statement + Limits::MARGIN
    }

    pub(crate) fn pid(&self) -> &str {
        &self.pid
    }

    pub(crate) fn notices(&self) -> &Notices {
        &self.notices
    }

    pub(crate) fn abandon(&self) {
        self.driver.abort();
    }

    /// A handle that ends the session from another task.
    pub(crate) fn abandoner(&self) -> AbortHandle {
        self.driver.abort_handle()
    }
}

fn columns(row: &SimpleQueryRow) -> Result<Vec<Option<String>>, tokio_postgres::Error> {
    let column = |index| Ok(row.try_get(index)?.map(str::to_owned));
    (0..row.len()).map(column).collect()
}

async fn connect(
    access: &Access,
    start_up: &StartUp<'_>,
    notices: &Notices,
    meter: &Meter,
) -> Result<(Client, AbortOnDropHandle<()>), OpenError> {
    let limit = access.limits.open;
    let mut config = config(access, start_up);
    // A host that looks like a path would be a socket, without TLS.
    if !matches!(config.get_hosts(), [Host::Tcp(_)]) {
        return Err(OpenError::Unresolved);
    }
    config.ssl_mode(SslMode::Require);
    let opened = |error| opening(error, limit, meter);
    let tls = match &access.tls {
        Tls::Disable if !access.allow_insecure => return Err(OpenError::Insecure(InsecureLogin::Unencrypted)),
        Tls::Disable => {
            config.ssl_negotiation(SslNegotiation::Direct);
            return drive(&config, Metering::plain(meter.clone()), notices)
                .await
                .map_err(opened);
        }
        Tls::Require => believing().map_err(|_| OpenError::Handshake)?,
        Tls::VerifyFull(authority) => {
            let authority = authority.clone();
            let made = spawn_blocking(|| verifying(authority)).await;
            made.ok().and_then(Result::ok).ok_or(OpenError::NoAuthorities)?
        }
    };
    let metering = Metering::encrypted(tls, meter.clone());
    drive(&config, metering, notices).await.map_err(opened)
}

/// Why there is no session.
fn opening(error: tokio_postgres::Error, limit: Duration, meter: &Meter) -> OpenError {
    match meter.refusal() {
        Some(Refusal::Excess(excess)) => OpenError::Excess(excess),
        Some(Refusal::Login(login)) => OpenError::Insecure(login),
        None => OpenError::of(error, limit),
    }
}

async fn drive<T>(
    config: &Config,
    tls: T,
    notices: &Notices,
) -> Result<(Client, AbortOnDropHandle<()>), tokio_postgres::Error>
where
    T: MakeTlsConnect<Socket, Stream: Send + 'static>,
{
    let (client, mut connection) = config.connect(tls).await?;
    let notices = notices.clone();
    let driver = tokio::spawn(async move {
        // The error is returned to the callers that wait for an answer.
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notice(notice) = message {
                notices.hear(&notice);
            }
        }
    });
    Ok((client, AbortOnDropHandle::new(driver)))
}

fn config(access: &Access, start_up: &StartUp<'_>) -> Config {
    let Limits {
        open,
        statement,
        idle_in_transaction,
    } = access.limits;
    let limits = [
        ("statement_timeout", statement.as_millis().to_string()),
        (
            "idle_in_transaction_session_timeout",
            idle_in_transaction.as_millis().to_string(),
        ),
    ];
    // What a start-up parameter sets is what `RESET` returns to.
    let path = ("search_path", OUR_PATH.replace(' ', ""));
    let path = Some(&path).filter(|_| !start_up.runs_files);
    let settings = limits.iter().chain(path).chain(&start_up.settings);
    let options: Vec<_> = settings.map(|(name, value)| format!("-c {name}={value}")).collect();
    let mut config = Config::new();
    config
        .host(&access.host)
        .port(access.port)
        .dbname(&access.name)
        .user(&access.user)
        .password(access.password.reveal())
        .application_name(start_up.application)
        .options(options.join(" "))
        // Per address: a name whose IPv6 address is unreachable may have another.
        .connect_timeout(open / 2)
        .tcp_user_timeout(UNACKNOWLEDGED)
        .keepalives(true)
        .keepalives_idle(KEEPALIVE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES);
    config
}
