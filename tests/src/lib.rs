//! What the end-to-end tests share: one bed and one operator per test binary, a namespace per test, and a watch that judges
//! every version of every object that a test makes.
//!
//! ```no_run
//! # async fn example() {
//! ace_tests::with_namespace(async |space| {
//!     space.apply("apiVersion: ops.mobulace.com/v1alpha1\nkind: Platform\n# …").await;
//!     space.wait::<ace_api::Platform>("prod", "is Ready", |platform| ace_tests::is_true(platform, "Ready")).await;
//! })
//! .await;
//! # }
//! ```

pub mod kstatus;
pub mod managed;

mod account;
mod audit;
mod backups;
mod bench;
mod cargo;
mod cli;
mod console;
mod cuts;
mod flux;
mod harness;
mod helm;
mod http;
mod kubectl;
mod kustomize;
mod operator;
mod person;
mod pod;
mod postgres;
mod postgres_proxy;
mod proxy;
mod receivers;
mod scratch;
mod space;
mod stage;
mod status_watch;
mod tree;
mod trials;
mod tunnels;

pub use account::Account;
pub use audit::{AuditLog, Audited};
pub use backups::{ROW, SCHEDULE, Scene};
pub use bench::block_on;
pub use cargo::{built, cargo};
pub use cli::Colleague;
pub use console::{BODY, CALL, Fault, LIST, Project, Request, UPLOAD};
pub use cuts::{Cut, Cuts, Side};
pub use flux::FLUX_SOURCES;
pub use harness::{TestBed, bed, repository};
pub use helm::{Helm, chart, documents};
pub use kubectl::{Kubectl, Ran};
pub use kustomize::KustomizeController;
pub use operator::{Operator, OperatorOptions, last_lines};
pub use person::Person;
pub use pod::Pod;
pub use postgres::{Database, FILES, SET, on_database, on_database_of};
pub use postgres_proxy::PostgresProxy;
pub use proxy::{Proxy, WriteFault, WriteFaults};
pub use receivers::Receiver;
pub use scratch::{SCRATCH_PASSWORD, left_in_scratch, make_scratch_role};
pub use space::{Space, is_true, make_namespace, with_namespace, with_unjudged_namespace};
pub use stage::{PLATFORM, Stage, TREE, is_current, is_observed, message_of, on_stage, on_stage_of, reason_of};
pub use status_watch::{StatusWatch, Version};
pub use tree::{gzip, pack, unpack};
pub use trials::{Test, name_who_panics};
pub use tunnels::Tunnels;
