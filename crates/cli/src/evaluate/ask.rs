//! One question, and its answer.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use ace_api::{AlertRuleReason, AlertRuleSpec, Platform, PlatformSpec, SecretUse, Signal, SignalName, SqlSource};
use ace_database::{Question, Reader};
use ace_domain::inputs::SecretProblem;
use ace_domain::kinds::alert_rule::{Answer, Cause, Row, checked, of_database, owner, reader_missing, signals};
use ace_domain::kinds::{
    alert_rule, backup, backup_destination, backup_schedule, edge_function, migration_set, notification_channel,
    platform, restore, silence,
};
use ace_domain::reconcile::{key::Key, kind::Kind};
use ace_egress::{AllowedHosts, Token, Url};
use ace_signals::Asking;
use ace_supabase::{Budget, Client, Deadlines, Gateway, Http, Limits};
use jiff::Timestamp;

use super::Subject;
use crate::cluster::Cluster;
use crate::plan::PlanError;

/// What the source of a rule brings now, or why it can't be asked.
pub(super) async fn ask(cluster: &Cluster, subject: &Subject, now: Timestamp) -> Result<Answer, PlanError> {
    let spec = &subject.rule.spec;
    let Some(platform) = &subject.platform else {
        let name = &spec.platform_ref.name;
        return Err(PlanError::Absent(format!("Platform {}/{name}", subject.namespace)));
    };
    let namespace = subject.namespace.as_str();
    let answer = match (&spec.source.sql, &spec.source.signal) {
        (Some(sql), _) => query(cluster, namespace, platform, sql, spec).await?,
        (None, Some(signal)) if signal.name == SignalName::ObjectCondition => {
            let platform = Key {
                namespace: namespace.to_owned(),
                name: spec.platform_ref.name.clone(),
            };
            Ok(objects(cluster, &platform, signal).await?)
        }
        (None, Some(signal)) => over_http(cluster, namespace, &platform.spec, signal, now).await?,
        (None, None) => Ok(Vec::new()),
    };
    Ok(answer.and_then(|rows| checked(spec, rows)))
}

/// As the reader, in a session that is checked and bounded as the operator's.
async fn query(
    cluster: &Cluster,
    namespace: &str,
    platform: &Platform,
    sql: &SqlSource,
    spec: &AlertRuleSpec,
) -> Result<Answer, PlanError> {
    if let Some(obstacle) = alert_rule::Platform::of(platform).obstacle {
        return Ok(Err(obstacle));
    }
    let named = platform.spec.database.as_ref();
    let Some((named, database)) = named.and_then(|database| Some((database, database.as_reader()?))) else {
        return Ok(Err(reader_missing()));
    };
    let password = cluster
        .text(namespace, &database.password_secret_ref, SecretUse::Database)
        .await?;
    let access = cluster
        .access(namespace, &database, password.map_err(Into::into))
        .await?;
    let access = match access {
        Ok(access) => access,
        Err(failure) => return Ok(Err(of_database(&failure, &database))),
    };
    let reader = match Reader::open(&access, owner(named, &platform.spec.project)).await {
        Ok(reader) => reader,
        Err(error) => return Ok(Err(error.cause(&database))),
    };
    let question = Question::of(sql, spec);
    let answer = match reader.shape(&question).await {
        Ok(shape) => reader.ask(&question, shape).await,
        Err(error) => Err(error),
    };
    if reader.is_open() {
        reader.close().await;
    }
    Ok(answer.map_err(|error| error.cause(&database)))
}

/// Lists the kinds that count.
async fn objects(cluster: &Cluster, platform: &Key, signal: &Signal) -> Result<Vec<Row>, PlanError> {
    let rows = [
        counted::<platform::Kind>(cluster, platform, signal).await?,
        counted::<edge_function::Kind>(cluster, platform, signal).await?,
        counted::<migration_set::Kind>(cluster, platform, signal).await?,
        counted::<alert_rule::Kind>(cluster, platform, signal).await?,
        counted::<notification_channel::Kind>(cluster, platform, signal).await?,
        counted::<silence::Kind>(cluster, platform, signal).await?,
        counted::<backup_destination::Kind>(cluster, platform, signal).await?,
        counted::<backup_schedule::Kind>(cluster, platform, signal).await?,
        counted::<backup::Kind>(cluster, platform, signal).await?,
        counted::<restore::Kind>(cluster, platform, signal).await?,
    ];
    Ok(rows.into_iter().flatten().collect())
}

async fn counted<K: Kind>(cluster: &Cluster, platform: &Key, signal: &Signal) -> Result<Option<Row>, PlanError> {
    let matching = &signal.matching;
    if matching.kind.as_deref().is_some_and(|kind| kind != K::NAME) {
        return Ok(None);
    }
    let objects = cluster.list::<K::Object>(&platform.namespace).await?;
    let trouble = matching.trouble.unwrap_or_default();
    Ok(signals::Count::of::<K>(objects.iter(), platform, trouble).row(K::NAME, matching))
}

/// Only the addresses of this Platform are called.
async fn over_http(
    cluster: &Cluster,
    namespace: &str,
    spec: &PlatformSpec,
    signal: &Signal,
    now: Timestamp,
) -> Result<Answer, PlanError> {
    let token = cluster
        .text(namespace, &spec.api.token_secret_ref, SecretUse::Token)
        .await?;
    let anon = match &spec.anon_key_secret_ref {
        Some(reference) if signal.probe.is_some() => {
            Some(cluster.text(namespace, reference, SecretUse::AnonKey).await?)
        }
        _ => None,
    };
    let parsed = |text: ace_egress::SecretString| {
        Token::new(text.reveal()).map_err(|error| SecretProblem::Invalid(format!("it is no valid token: {error}")))
    };
    let (token, anon) = match (
        token.and_then(parsed),
        anon.map(|anon| anon.and_then(parsed)).transpose(),
    ) {
        (Ok(token), Ok(anon)) => (token, anon),
        (Err(problem), _) | (_, Err(problem)) => return Ok(Err(problem.into())),
    };
    let Some((client, gateway)) = clients(spec, token) else {
        let message = "`spec.api.url`, `spec.url` or `spec.project` of the Platform is not valid";
        return Ok(Err(Cause::new(AlertRuleReason::HostNotAllowed, message)));
    };
    let asking = Asking {
        client: &client,
        gateway: &gateway,
        anon: anon.as_ref(),
    };
    let answer = asking.ask(signal, now).await;
    Ok(answer.unwrap_or_else(|| Ok(Vec::new())))
}

fn clients(spec: &PlatformSpec, token: Token) -> Option<(Client, Gateway)> {
    let (api, at) = (Url::parse(&spec.api.url).ok()?, Url::parse(&spec.gateway()).ok()?);
    let origins = [&api, &at].map(|url| url.origin().ascii_serialization());
    let hosts = AllowedHosts::parse(origins).ok()?;
    let http = Http::new(hosts, Deadlines::default(), Limits::default()).ok()?;
    let budget = Arc::new(Mutex::new(Budget::new(NonZeroU32::new(10)?)));
    let client = Client::new(&http, api, token, spec.project.parse().ok()?, budget);
    Some((client, Gateway::new(&http, at)))
}
