//! The platforms in sight: one [`Site`] for each Platform object, shared by all its functions.

mod call;
mod site;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

pub use call::{entry, stamp, trouble};
pub use site::{InSight, Open, Site};

use crate::driver::Key;

/// Every Platform's site, by `namespace/name`.
#[derive(Default)]
pub struct Sites(Mutex<HashMap<Key, Arc<Site>>>);

impl Sites {
    /// The site of a Platform, if one was opened.
    pub fn get(&self, key: &Key) -> Option<Arc<Site>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// The site of a Platform; `open` makes one where there is none, or where it is another object's of the same name.
    pub fn of(&self, key: &Key, uid: &str, open: impl FnOnce() -> Site) -> Arc<Site> {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match sites.get(key) {
            Some(site) if site.uid() == uid => site.clone(),
            _ => {
                let site = Arc::new(open());
                sites.insert(key.clone(), site.clone());
                site
            }
        }
    }

    /// The Platform is gone.
    pub fn forget(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
