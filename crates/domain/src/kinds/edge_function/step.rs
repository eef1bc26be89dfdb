//! The effects on a function, as data.

use std::sync::Arc;

use ace_api::{Intent, Stamp};
use jiff::Timestamp;

use super::state::{Archived, Body, CheckAnswer, Listing, LiveFunction, Probe};
use crate::{bundle::Closure, reconcile::kind};

/// One effect. What it needs is in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A list that is asked for at `not_before` or later; shared by all who wait for one.
    List {
        /// Earlier lists say nothing.
        not_before: Timestamp,
    },
    /// Asks for this function alone: is it really absent?
    Get,
    /// Reads the body of what is live.
    ReadBody(Stamp),
    /// Reads the archive of the proven version.
    LoadArchive(String),
    /// Keeps a foreign body before it is overwritten.
    ArchiveForeign(Body),
    /// Keeps content that passed its checks.
    ArchiveProven {
        /// The content.
        content: Arc<Closure>,
        /// Its JWT rule.
        verify_jwt: bool,
    },
    /// Uploads content. Can't be repeated safely: its intent is in status before.
    Deploy {
        /// As it is recorded.
        intent: Intent,
        /// The content.
        content: Arc<Closure>,
        /// Its JWT rule.
        verify_jwt: bool,
    },
    /// Changes the JWT rule without an upload.
    PatchJwt(bool),
    /// Asks the function.
    Probe(Probe),
    /// Deletes the function.
    Delete,
}

impl Step {
    /// The step asks the Management API.
    pub fn needs_platform(&self) -> bool {
        matches!(
            self,
            Self::List { .. } | Self::Get | Self::ReadBody(_) | Self::Deploy { .. } | Self::PatchJwt(_) | Self::Delete
        )
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

    /// The intent must be in status, and the object be seen as it is then, before this step runs.
    fn records_first(&self) -> bool {
        matches!(self, Self::Deploy { .. } | Self::Delete)
    }
}

/// What a step returned.
#[derive(Clone, Debug, PartialEq)]
pub enum StepResult {
    /// A newer list.
    Listed(Listing),
    /// The function alone, or its absence.
    Got(Option<LiveFunction>),
    /// A body.
    Body(Body),
    /// The archived content; `None` when the archive is gone or damaged.
    Archive(Option<Archived>),
    /// An archive was made, of this name.
    Archived(String),
    /// An archive can't be made: the content packs to this many bytes.
    ArchiveTooLarge(usize),
    /// The platform took the deploy, and stamped it so.
    Deployed(Stamp),
    /// The JWT rule was changed.
    Patched,
    /// The function answered, or not.
    Probed(CheckAnswer),
    /// The gateway could not be reached at all; says nothing about the function.
    GatewayUnreachable,
    /// The function is gone.
    Deleted,
}
