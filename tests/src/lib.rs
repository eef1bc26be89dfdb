//! What the end-to-end tests share: one bed per test binary, a namespace per test, and a watch that judges every version
//! of every object that a test makes.
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

mod harness;
mod kubectl;
mod space;
mod status_watch;

pub use harness::{TestBed, bed, repository};
pub use kubectl::{Kubectl, Ran};
pub use space::{Space, is_true, with_namespace};
pub use status_watch::{StatusWatch, Version};
