//! One [`PlatformConnection`] for each Platform object, shared by all objects that name it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::platform::PlatformConnection;
use ace_domain::reconcile::{dependency::Dependency, key::Key};

/// The connections of all Platforms, by `namespace/name`, each with the project that it was made for.
#[derive(Default)]
pub struct PlatformConnections(Mutex<HashMap<Key, (Dependency, Arc<PlatformConnection>)>>);

impl PlatformConnections {
    /// The connection of a Platform to this project, if it has one: what an edited one shows is of the place before.
    pub fn to(&self, key: &Key, project: &Dependency) -> Option<Arc<PlatformConnection>> {
        let connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, connection) = connections.get(key)?;
        (at == project).then(|| connection.clone())
    }

    /// The connection of a Platform to its project; `create` makes one if there is none, or if it belongs to another object of the
    /// same name or to another address: nothing that was observed there holds here.
    pub fn of(
        &self,
        key: &Key,
        uid: &str,
        project: Dependency,
        create: impl FnOnce() -> PlatformConnection,
    ) -> Arc<PlatformConnection> {
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match connections.get(key) {
            Some((at, connection)) if connection.uid() == uid && *at == project => connection.clone(),
            _ => {
                let connection = Arc::new(create());
                connections.insert(key.clone(), (project, connection.clone()));
                connection
            }
        }
    }

    /// Forgets a Platform that was deleted.
    pub fn forget(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
