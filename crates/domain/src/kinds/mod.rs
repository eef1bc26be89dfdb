//! One folder per kind: its state, its decisions, and its status.

pub mod alert_rule;
pub mod backup;
pub mod backup_destination;
pub mod backup_schedule;
pub mod edge_function;
pub mod migration_set;
pub mod notification_channel;
pub mod platform;
pub mod restore;
pub mod silence;
