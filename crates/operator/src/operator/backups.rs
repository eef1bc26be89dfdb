//! The kinds of backups, in both processes.

use std::sync::Arc;

use ace_domain::kinds::{backup_destination as destination, backup_schedule as schedule, platform};

use super::Parts;
use crate::{
    caches::Caches,
    connections::PlatformConnections,
    kinds::{
        backup::{BackupCaches, Backups},
        backup_destination::BackupDestinations,
        backup_schedule::BackupSchedules,
        restore::Restores,
    },
};

impl Parts<'_> {
    /// The kinds that say where and when backups are made.
    pub(super) fn add_schedules(&mut self, caches: Caches, connections: Arc<PlatformConnections>) {
        let settings = &self.settings;
        let destinations = BackupDestinations {
            client: self.client.clone(),
            stores: self.stores.clone(),
            cache: self.controllers.cache(),
            backups: self.controllers.cache(),
            dependents: caches.dependents.clone(),
            timing: settings.timing,
        };
        self.controllers.add(Arc::new(destinations));
        let schedules = BackupSchedules {
            client: self.client.clone(),
            caches,
            connections,
            destinations: self.controllers.cache(),
            backups: self.controllers.cache(),
            restores: self.controllers.cache(),
            sets: self.controllers.cache(),
            timing: settings.timing,
            installation: settings.installation.clone(),
        };
        let schedules = Arc::new(schedules);
        let (measured, all) = (schedules.clone(), self.controllers.cache());
        let own = self.controllers.own();
        self.metrics.follow_schedules(move || measured.measured(&all, &own));
        self.controllers.add(schedules);
    }

    /// The kinds of the process that makes what takes long.
    /// `beside_operator`: this process reconciles the other kinds, too.
    pub(super) fn add_worker(&mut self, beside_operator: bool) {
        let settings = &self.settings;
        let caches = BackupCaches {
            backups: self.controllers.cache(),
            schedules: self.controllers.cache(),
            platforms: self.controllers.cache(),
            destinations: self.controllers.cache(),
            restores: self.controllers.cache(),
            dependents: self.dependents.clone(),
        };
        let backups = Backups {
            client: self.client.clone(),
            stores: self.stores.clone(),
            hosts: settings.hosts.clone(),
            allow_insecure_database: settings.allow_insecure_database,
            clients: settings.clients.clone(),
            tasks: self.backups.clone(),
            caches,
            timing: settings.timing,
            installation: settings.installation.clone(),
            worker: settings.instance.clone(),
        };
        let restores = Restores {
            backups: backups.clone(),
            tasks: self.restores.clone(),
        };
        self.controllers.add(Arc::new(backups));
        self.controllers.add(Arc::new(restores));
        if !beside_operator {
            self.controllers.watch::<schedule::Kind>();
            self.controllers.watch::<platform::Kind>();
            self.controllers.watch::<destination::Kind>();
        }
    }
}
