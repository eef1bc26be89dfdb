//! What of the repository is made and not written: custom resource definitions, rights, the chart, the API reference, the image.

pub mod chart;
pub mod definitions;
pub mod image;
pub mod messages;
mod metrics;
mod name_references;
pub mod reference;
pub mod release;
pub mod rights;
pub mod tree;
pub mod upgrade;
pub mod versions;
mod yaml;
