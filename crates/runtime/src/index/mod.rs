//! What changes of objects mean for other objects: read off the informers' events, so that nothing has to be polled.

mod changes;

pub use changes::{Change, ChangeTracker};
