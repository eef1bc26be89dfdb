//! The rules, who asks them, and who tells of them.

use std::sync::Arc;

use ace_api::Process;
use ace_domain::kinds::{
    alert_rule, backup, backup_destination as destination, backup_schedule as schedule, edge_function, migration_set,
    notification_channel, platform, restore, silence,
};

use ace_egress::{HttpClient, SmtpClient};

use super::{Parts, SetupError, without_controller};
use crate::{
    caches::Caches,
    connections::PlatformConnections,
    evaluator::{Evaluator, Objects, ReaderSettings},
    kinds::{
        alert_rule::AlertRules,
        notification_channel::{CONNECT, ChannelCaches, NotificationChannels},
        silence::Silences,
    },
};

impl Parts<'_> {
    pub(super) fn add_rules(
        &mut self,
        caches: &Caches,
        connections: &Arc<PlatformConnections>,
    ) -> Result<(), SetupError> {
        let mut objects = Objects::new(self.dependents.clone());
        objects.add::<platform::Kind>(self.controllers.cache());
        objects.add::<edge_function::Kind>(self.controllers.cache());
        objects.add::<migration_set::Kind>(self.controllers.cache());
        objects.add::<alert_rule::Kind>(self.controllers.cache());
        objects.add::<notification_channel::Kind>(self.controllers.cache());
        objects.add::<silence::Kind>(self.controllers.cache());
        objects.add::<destination::Kind>(self.controllers.cache());
        objects.add::<schedule::Kind>(self.controllers.cache());
        objects.add::<backup::Kind>(self.controllers.cache());
        objects.add::<restore::Kind>(self.controllers.cache());
        if let Some(kind) = without_controller(&Process::ALL, &objects.kinds()) {
            return Err(SetupError::NotCounted(kind));
        }
        let settings = &self.settings;
        let readers = ReaderSettings {
            client: self.client.clone(),
            hosts: settings.hosts.clone(),
            allow_insecure_database: settings.allow_insecure_database,
            installation: settings.installation.clone(),
        };
        let evaluator = Arc::new(Evaluator::new(
            readers,
            objects,
            connections.clone(),
            caches.clone(),
            self.dependents.clone(),
            self.metrics.clone(),
            settings.timing,
        ));
        let measured = evaluator.clone();
        self.metrics.follow_rules(move || measured.measured());
        let rules = AlertRules {
            caches: caches.clone(),
            channels: self.controllers.cache(),
            evaluator: evaluator.clone(),
            timing: settings.timing,
        };
        self.controllers.add(Arc::new(rules));
        self.evaluator = Some(evaluator);
        Ok(())
    }

    /// The kinds that tell people.
    pub(super) fn add_channels(&mut self) -> Result<(), SetupError> {
        let settings = &self.settings;
        let channels = NotificationChannels {
            client: self.client.clone(),
            caches: ChannelCaches {
                rules: self.controllers.cache(),
                silences: self.controllers.cache(),
                channels: self.controllers.cache(),
                platforms: self.controllers.cache(),
                dependents: self.dependents.clone(),
            },
            http: HttpClient::new(settings.notify_hosts.clone(), CONNECT)?,
            smtp: SmtpClient::new(settings.notify_hosts.clone(), CONNECT)?,
            hosts: settings.hosts.clone(),
            allow_insecure_database: settings.allow_insecure_database,
            timing: settings.timing,
            instance: settings.instance.clone(),
            installation: settings.installation.clone(),
            metrics: self.metrics.clone(),
        };
        self.controllers.add(Arc::new(channels));
        let silences = Silences {
            rules: self.controllers.cache(),
            dependents: self.dependents.clone(),
        };
        self.controllers.add(Arc::new(silences));
        Ok(())
    }
}
