//! One [`PlatformConnection`] for each Platform object, shared by all objects that name it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::platform::PlatformConnection;
use ace_domain::reconcile::key::Key;

/// The connections of all Platforms, by `namespace/name`.
#[derive(Default)]
pub struct PlatformConnections(Mutex<HashMap<Key, Arc<PlatformConnection>>>);

impl PlatformConnections {
    /// The connection of a Platform, if it has one.
    pub fn get(&self, key: &Key) -> Option<Arc<PlatformConnection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// The connection of a Platform; `create` makes one if there is none, or if it belongs to another object of the same name.
    pub fn of(&self, key: &Key, uid: &str, create: impl FnOnce() -> PlatformConnection) -> Arc<PlatformConnection> {
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match connections.get(key) {
            Some(connection) if connection.uid() == uid => connection.clone(),
            _ => {
                let connection = Arc::new(create());
                connections.insert(key.clone(), connection.clone());
                connection
            }
        }
    }

    /// Forgets a Platform that was deleted.
    pub fn forget(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
