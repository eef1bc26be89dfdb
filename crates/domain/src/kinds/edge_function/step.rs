//! Steps of a reconcile, as data.

use std::sync::Arc;

use ace_api::{Intent, Stamp};
use jiff::Timestamp;

use super::state::{Archived, Body, CheckAnswer, Listing, LiveFunction, Probe};
use crate::{bundle::Closure, reconcile::kind};

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Lists the functions at `not_before` or later; one list serves all functions that wait for one.
    List {
        /// Earlier lists may be outdated.
        not_before: Timestamp,
    },
    /// Gets this function alone, to confirm that it does not exist.
    Get,
    ReadBody(Stamp),
    /// Reads the archive of the proven version.
    LoadArchive(String),
    /// Archives a foreign body before it is overwritten.
    ArchiveForeign(Body),
    /// Archives content that passed its checks.
    ArchiveProven {
        content: Arc<Closure>,
        verify_jwt: bool,
    },
    /// Uploads content. It can't be repeated safely, so its intent is recorded in status first.
    Deploy {
        /// The intent as it is recorded in status.
        intent: Intent,
        content: Arc<Closure>,
        verify_jwt: bool,
    },
    /// Changes the JWT rule without an upload.
    PatchJwt(bool),
    Probe(Probe),
    Delete,
}

impl Step {
    /// The step changes something on the platform.
    pub fn writes_platform(&self) -> bool {
        matches!(self, Self::Deploy { .. } | Self::PatchJwt(_) | Self::Delete)
    }

    /// The step calls the Management API.
    pub fn needs_platform(&self) -> bool {
        self.writes_platform() || matches!(self, Self::List { .. } | Self::Get | Self::ReadBody(_))
    }
}

impl kind::Step for Step {
    fn name(&self) -> &'static str {
        match self {
            Self::List { .. } => "List",
            Self::Get => "Get",
            Self::ReadBody(_) => "ReadBody",
            Self::LoadArchive(_) => "LoadArchive",
            Self::ArchiveForeign(_) => "ArchiveForeign",
            Self::ArchiveProven { .. } => "ArchiveProven",
            Self::Deploy { .. } => "Deploy",
            Self::PatchJwt(_) => "PatchJwt",
            Self::Probe(_) => "Probe",
            Self::Delete => "Delete",
        }
    }

    /// The status must be written, and the object observed unchanged since, before this step runs.
    fn records_first(&self) -> bool {
        matches!(self, Self::Deploy { .. } | Self::Delete)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum StepResult {
    Listed(Listing),
    /// The function, or `None` if it does not exist.
    Got(Option<LiveFunction>),
    Body(Body),
    /// The archived content; `None` if the archive is missing or damaged.
    Archive(Option<Archived>),
    /// An archive of this name was created.
    Archived(String),
    /// The content packs to this many bytes, too many for an archive.
    ArchiveTooLarge(usize),
    /// The platform accepted the deploy and returned this stamp.
    Deployed(Stamp),
    Patched,
    Probed(CheckAnswer),
    /// The gateway could not be reached, which says nothing about the function.
    GatewayUnreachable,
    Deleted,
}
