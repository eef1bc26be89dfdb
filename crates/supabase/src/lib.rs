//! A client of Supabase's Management API: typed, budgeted, outcome-aware.
//!
//! What a caller can rely on:
//! - **One call is at most one request.** Nothing is repeated and nothing sleeps here: a caller that should wait is told
//!   how long, and decides. So a `POST` is never sent twice, and every request that leaves is paid for in the [`Budget`].
//! - **A read fails, a change may be unknown.** Reads answer `Result<T, CallError>`; changes answer [`Outcome`], which is
//!   not a `Result`, so that `?` cannot turn "perhaps done" into "failed".
//! - **Every call has a deadline** ([`Deadlines`]), and every answer a size limit.
//! - **Only allowed hosts** ([`ace_egress::AllowedHosts`]) are called, redirects are not followed.
//! - **Secrets have no text form**: [`ace_egress::Token`] and [`Digest`] print their type's name only, and the platform's
//!   messages are cleaned of the token before anyone sees them.

// What others send is read here: an index out of bounds must be an error of that sender, not a panic of the process.
#![cfg_attr(not(test), deny(clippy::string_slice, clippy::indexing_slicing))]

mod answer;
mod body;
mod budget;
mod client;
mod deploy;
mod error;
mod gateway;
mod limits;
mod model;
mod names;
mod observer;

pub use body::{Body, BodyFile};
pub use budget::{Budget, Deferral, Limiter, Permit, Priority, RateLimit};
pub use client::{Client, Deletion};
pub use deploy::{Deploy, DeployFile};
pub use error::{CallError, Lost, NotSent, Outcome};
pub use gateway::{Gateway, Probe, ProbeAuth, ProbeError};
pub use limits::{Deadlines, Http, Limits};
pub use model::{
    BackupStatus, Backups, DailyBackup, Digest, Function, FunctionStatus, PhysicalBackups, Project, ProjectStatus,
    SecretDigest, ServiceHealth, ServiceStatus, when,
};
pub use names::{NameError, ProjectRef, Slug};
pub use observer::{Observer, Unobserved};
