//! `NotificationChannel`: where messages are sent.

mod act;
pub(crate) mod destination;
mod message;
mod observe;
mod page;

use std::time::Duration;

use ace_api::{AlertRule, NotificationChannel, Platform, Silence};
use ace_domain::{
    kinds::notification_channel::{self, Memory, State, Step, StepError},
    reconcile::timing::Timing,
};
use ace_egress::{HttpClient, SecretUrl, SmtpClient};
use ace_notify::{Email, Format};
use ace_runtime::{index::Dependents, reconcile::Controller};
use jiff::Timestamp;
use kube::{core::DeserializeGuard, runtime::reflector::Store};

use self::page::PageAddress;
use crate::{
    connections::{grants::Installation, hosts::CredentialHosts},
    metrics::Metrics,
};

/// Deadline for a connection to a receiver.
pub const CONNECT: Duration = Duration::from_secs(5);

pub struct NotificationChannels {
    /// Client of the API server, to read Secrets.
    pub client: kube::Client,
    pub caches: ChannelCaches,
    /// HTTP client of the receivers.
    pub http: HttpClient,
    /// Client of mail servers.
    pub smtp: SmtpClient,
    /// Which databases get a password.
    pub hosts: CredentialHosts,
    /// Databases may be reached without encryption.
    pub allow_insecure_database: bool,
    pub timing: Timing,
    /// Name of this process.
    pub instance: String,
    /// Names in the commands of messages.
    pub installation: Installation,
    pub metrics: Metrics,
}

/// The objects that channels read.
#[derive(Clone)]
pub struct ChannelCaches {
    pub rules: Store<DeserializeGuard<AlertRule>>,
    pub silences: Store<DeserializeGuard<Silence>>,
    pub channels: Store<DeserializeGuard<NotificationChannel>>,
    pub platforms: Store<DeserializeGuard<Platform>>,
    pub dependents: Dependents,
}

/// Where messages go, with what the Secrets of a channel hold.
pub enum Destination {
    Post {
        url: SecretUrl,
        format: Format,
    },
    Mail(Email),
    /// The platform's own page.
    Page(PageAddress),
}

impl Controller for NotificationChannels {
    type Kind = notification_channel::Kind;
    /// Nothing where a message can't be sent.
    type Context = Option<Destination>;

    async fn observe(
        &self,
        object: &NotificationChannel,
        memory: Memory,
        _failures: u32,
        now: Timestamp,
    ) -> (State, Option<Destination>) {
        observe::observe(self, object, memory, now).await
    }

    async fn act(
        &self,
        object: &NotificationChannel,
        state: &State,
        destination: &Option<Destination>,
        step: &Step,
    ) -> Result<Option<i32>, StepError> {
        let result = act::act(self, object, destination.as_ref(), step).await;
        // Known, because the message was announced in the status.
        if let Some(type_) = state.memo.type_ {
            self.metrics.delivered(&format!("{type_:?}"), result.as_ref().err());
        }
        result
    }
}
