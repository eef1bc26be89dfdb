//! Compares the live function with what was applied.

use ace_api::{Applied, DriftField};
use jiff::Timestamp;

use super::{
    content::is_same_bundle,
    state::{Archived, Body, BodyContent, Difference, Listing, LiveFunction, PlatformState, State},
};
use crate::{
    bundle::{BodyDigest, BodyFiles, Closure, TreePath, differing, short_digest},
    reconcile::drift::{field, uncorrected},
};

/// `status.live.revision` of content that this object did not deploy.
pub(super) const FOREIGN: &str = "foreign";

#[derive(Debug)]
pub(super) enum Comparison<'a> {
    /// The list lacks the function, which has to be confirmed by a request for it alone.
    Unlisted {
        /// Until this time that is only suspected: a single list may be stale.
        suspected_until: Option<Timestamp>,
    },
    /// The function does not exist. If it was applied before, a request for it alone confirmed that.
    Absent,
    /// The live function has the stamp of what was applied.
    Applied(&'a LiveFunction),
    /// The live function is different content.
    Foreign {
        entry: &'a LiveFunction,
        difference: Difference,
        /// Until this time the difference is only suspected: a single list may be stale.
        suspected_until: Option<Timestamp>,
    },
}

impl State {
    /// What the status says was applied, if it was applied to this project.
    pub(super) fn applied(&self) -> Option<&Applied> {
        let PlatformState::Present(platform) = &self.platform else {
            return self.memo.applied.as_ref();
        };
        self.memo
            .applied
            .as_ref()
            .filter(|applied| applied.project == platform.project)
    }

    /// The desired content is not applied: requests to the platform serve a user's change, so they have its priority.
    pub fn is_change_pending(&self) -> bool {
        let wanted = self.wanted();
        wanted.is_some() && wanted.as_ref() != self.applied().map(|applied| &applied.source_digest)
    }

    /// The entrypoint of the desired content, if the source can be used.
    pub fn expected_entrypoint(&self) -> Option<TreePath> {
        self.content().map(|content| content.entrypoint().clone())
    }

    /// The desired content, if the source can be used.
    pub(super) fn content(&self) -> Option<&std::sync::Arc<Closure>> {
        self.source.content()
    }

    /// Digest of the desired content, if the source can be used.
    pub(super) fn wanted(&self) -> Option<String> {
        self.content().map(|content| content.digest().to_string())
    }

    /// Digest of the content that should be live: the source's, or the applied one while the source can't be used.
    pub(super) fn desired_digest(&self) -> Option<String> {
        self.wanted()
            .or_else(|| self.applied().map(|applied| applied.source_digest.clone()))
    }

    /// Content of this digest, from the source or from the archive that was read last.
    pub(super) fn content_of(&self, digest: &str) -> Option<&std::sync::Arc<Closure>> {
        self.content()
            .into_iter()
            .chain(self.archived().map(|archived| &archived.content))
            .find(|content| content.digest().to_string() == digest)
    }

    pub(super) fn archived(&self) -> Option<&Archived> {
        self.memory.archive.as_ref().and_then(|(_, archived)| archived.as_ref())
    }

    /// The body of this stamp, if it was read.
    pub(super) fn body_of(&self, entry: &LiveFunction) -> Option<&Body> {
        self.memory.body.as_ref().filter(|body| body.stamp == entry.stamp)
    }

    /// Since this list was requested, a request for the function alone answered that it does not exist.
    pub(super) fn is_absence_confirmed(&self, listing: &Listing) -> bool {
        self.memory.absent.is_some_and(|absent| absent >= listing.started)
    }

    /// A request for the function alone answered, in this reconcile or before, that it does not exist, and so has every list since.
    pub(super) fn is_absent_since_confirmed(&self, listing: &Listing) -> bool {
        let confirmed = self.memory.confirmed_absent;
        listing.entry.is_none() && confirmed.is_some_and(|confirmed| confirmed >= listing.since)
    }

    /// The list still shows the stamp and the JWT rule from before our last change of the rule: it is stale, as a list may be
    /// for a while after a write.
    pub(super) fn is_stale(&self, listing: &Listing) -> bool {
        let (Some(entry), Some(applied)) = (&listing.entry, self.applied()) else {
            return false;
        };
        let shows_old = self.memory.patched.as_ref() == Some(&entry.stamp)
            && entry.verify_jwt.is_some_and(|seen| seen != applied.verify_jwt);
        shows_old
            && listing
                .last_write
                .is_some_and(|write| listing.started < write + self.timing.unknown_outcome())
    }

    /// The last list compared with what was applied. `None` while there is no list, or only one from before our last write.
    pub(super) fn comparison(&self) -> Option<Comparison<'_>> {
        let listing = self.listing.as_ref().filter(|listing| listing.is_fresh())?;
        if self.is_stale(listing) {
            return None;
        }
        let applied = self.applied();
        let matures = listing.since + self.timing.second_list();
        let suspected_until = (listing.started < matures).then_some(matures);
        let Some(entry) = &listing.entry else {
            return Some(if applied.is_some() && !self.is_absence_confirmed(listing) {
                Comparison::Unlisted { suspected_until }
            } else {
                Comparison::Absent
            });
        };
        if applied.is_some_and(|applied| applied.stamp == entry.stamp) {
            return Some(Comparison::Applied(entry));
        }
        let remembered = self
            .memo
            .live
            .as_ref()
            .is_some_and(|live| live.stamp == entry.stamp && live.revision == FOREIGN)
            && (self.content().is_none()
                || self.memo.source.as_ref().map(|source| &source.digest) == self.wanted().as_ref());
        let believed_drift = uncorrected(self.memo.drift.as_ref()).filter(|_| remembered);
        let believed: Vec<DriftField> = believed_drift
            .map(|drift| {
                drift
                    .fields
                    .iter()
                    .filter(|field| is_content(&field.path))
                    .cloned()
                    .collect()
            })
            .unwrap_or_default();
        let difference = match self.body_of(entry).map(|body| &body.content) {
            Some(BodyContent::Files { .. }) if applied.is_some_and(|applied| is_contradicted(applied, entry)) => {
                let message =
                    "the platform's list shows the bundle that was applied, but the platform returns other files";
                Difference::NotComparable(message.to_owned())
            }
            Some(BodyContent::Files { files, digest }) => Difference::Fields(self.fields(entry, files, *digest)),
            None if !believed.is_empty() => Difference::Fields(believed),
            Some(BodyContent::Bundle(_) | BodyContent::TooLarge) | None => self.obstructed(entry),
        };
        let is_believed = applied.is_none() || remembered;
        Some(Comparison::Foreign {
            entry,
            difference,
            suspected_until: suspected_until.filter(|_| !is_believed),
        })
    }

    /// How files that are not the applied ones differ from them.
    fn fields(&self, entry: &LiveFunction, files: &BodyFiles, digest: BodyDigest) -> Vec<DriftField> {
        let applied = self.applied();
        let reference = match applied {
            Some(applied) => self.content_of(&applied.source_digest),
            None => self.content(),
        };
        let mut fields: Vec<DriftField> = reference
            .map(|content| differing(content, files))
            .unwrap_or_default()
            .into_iter()
            .map(|differs| field(&format!("files/{}", differs.path), &differs.desired, &differs.observed))
            .collect();
        let listed = applied.and_then(|applied| applied.import_map.clone());
        let import_map = listed.or_else(|| reference.and_then(|content| content.relative_import_map()));
        if !entry.import_map.can_be(import_map.as_deref()) {
            let shown = |path: Option<&str>| path.unwrap_or("absent").to_owned();
            let (desired, observed) = (shown(import_map.as_deref()), shown(entry.import_map.path()));
            fields.insert(0, field(IMPORT_MAP, &desired, &observed));
        }
        if !fields.is_empty() {
            return fields;
        }
        let desired = applied.map(|applied| applied.body_digest.clone().unwrap_or(applied.source_digest.clone()));
        let desired = desired.map_or("absent".to_owned(), |desired| short_digest(&desired).to_owned());
        vec![field("files", &desired, short_digest(&digest.to_string()))]
    }
}

/// The list shows what was applied, although the platform returned other files.
fn is_contradicted(applied: &Applied, entry: &LiveFunction) -> bool {
    is_same_bundle(applied, entry) && entry.import_map.can_be(applied.import_map.as_deref())
}

/// The field of another import map.
const IMPORT_MAP: &str = "importMap";

/// A field's path is about content, not about the JWT rule or a secret.
pub(super) fn is_content(path: &str) -> bool {
    path == IMPORT_MAP || is_file(path)
}

/// A field's path is that of files.
pub(super) fn is_file(path: &str) -> bool {
    path == "files" || path.starts_with("files/")
}
