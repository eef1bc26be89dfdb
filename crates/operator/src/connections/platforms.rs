//! One [`PlatformConnection`] for each Platform object, shared by all objects that name it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::platform::PlatformConnection;
use ace_runtime::reconcile::Key;

/// Every Platform's site, by `namespace/name`.
#[derive(Default)]
pub struct PlatformConnections(Mutex<HashMap<Key, Arc<PlatformConnection>>>);

impl PlatformConnections {
    /// The site of a Platform, if one was opened.
    pub fn get(&self, key: &Key) -> Option<Arc<PlatformConnection>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// The site of a Platform; `open` makes one where there is none, or where it is another object's of the same name.
    pub fn of(&self, key: &Key, uid: &str, clients: impl FnOnce() -> PlatformConnection) -> Arc<PlatformConnection> {
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match connections.get(key) {
            Some(connection) if connection.uid() == uid => connection.clone(),
            _ => {
                let connection = Arc::new(clients());
                connections.insert(key.clone(), connection.clone());
                connection
            }
        }
    }

    /// The Platform is gone.
    pub fn forget(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
