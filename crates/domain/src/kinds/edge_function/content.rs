//! What is known of the content behind a stamp: by its body, or by what stood in the way of reading it.

use ace_api::{Applied, Stamp};
use jiff::Timestamp;

use super::{
    Cause,
    state::{Body, BodyContent, Difference, LiveFunction, Obstacle, State, UnconfirmedBody},
    step_errors::failure,
};
use crate::{
    bundle::{BodyDigest, BodyFiles, Closure, proves},
    reconcile::decision::{Requeue, StepError},
};

/// The content of a body.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'a> {
    Files(&'a BodyFiles, BodyDigest),
    /// The platform has no files of it.
    NoFiles,
}

/// What says that content is live.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Evidence {
    Proof,
    /// Only the name of the folder that it was deployed in. Whoever deploys chooses that name.
    Mark,
}

impl State {
    /// The content behind this stamp; `None` before its body was read.
    pub(super) fn found(&self, entry: &LiveFunction) -> Option<Found<'_>> {
        match self.body_of(entry).map(|body| &body.content) {
            Some(BodyContent::Files { files, digest }) => Some(Found::Files(files, *digest)),
            _ => match self.obstacle_of(&entry.stamp)? {
                Obstacle::Bundle | Obstacle::TooLarge | Obstacle::Unread(_, StepError::Refused(_)) => {
                    Some(Found::NoFiles)
                }
                Obstacle::Unread(..) => None,
            },
        }
    }

    pub(super) fn obstacle_of(&self, stamp: &Stamp) -> Option<&Obstacle> {
        match self
            .memory
            .body
            .as_ref()
            .filter(|body| body.stamp == *stamp)
            .map(|body| &body.content)
        {
            Some(BodyContent::Files { .. }) => None,
            Some(BodyContent::Bundle(_)) => Some(&Obstacle::Bundle),
            Some(BodyContent::TooLarge) => Some(&Obstacle::TooLarge),
            None => {
                let (of, obstacle) = self.memory.obstacle.as_ref()?;
                (of == stamp).then_some(obstacle)
            }
        }
    }

    /// In this reconcile the body of this stamp could not be read: what that means, and when it is tried again.
    pub(super) fn unread_now(&self, stamp: &Stamp) -> Option<(Cause, Requeue)> {
        match self.obstacle_of(stamp)? {
            Obstacle::Unread(at, step_error) if *at >= self.began => Some(failure(self, step_error)),
            _ => None,
        }
    }

    /// The platform refuses to return the body of this stamp; its words.
    pub(super) fn refused_body(&self, stamp: &Stamp) -> Option<&str> {
        match self.obstacle_of(stamp)? {
            Obstacle::Unread(_, StepError::Refused(says)) => Some(says),
            _ => None,
        }
    }

    /// The body of this stamp can't be archived: the platform refuses it, or it is too large.
    pub(super) fn is_unarchivable(&self, stamp: &Stamp) -> bool {
        self.refused_body(stamp).is_some() || self.obstacle_of(stamp) == Some(&Obstacle::TooLarge)
    }

    /// The difference of content whose files could not be had.
    pub(super) fn obstructed(&self, entry: &LiveFunction) -> Difference {
        let message = match self.obstacle_of(&entry.stamp) {
            Some(Obstacle::Bundle) => "the platform returns a bundle, which can't be compared with the source",
            Some(Obstacle::TooLarge) => "its files are too large to be read",
            Some(Obstacle::Unread(..)) | None => return Difference::NotRead,
        };
        Difference::NotComparable(message.to_owned())
    }

    /// Why the body of this stamp was not read, for a sentence.
    pub(super) fn why_unread(&self, stamp: &Stamp) -> String {
        match self.obstacle_of(stamp) {
            Some(Obstacle::Unread(_, step_error)) => failure(self, step_error).0.message,
            _ => "its files have not been read yet".to_owned(),
        }
    }

    /// When a later list can confirm the body of our own deploy.
    pub(super) fn confirmation_due(&self, stamp: &Stamp) -> Option<Timestamp> {
        let unconfirmed = self.memory.unconfirmed.as_ref().filter(|body| body.stamp == *stamp)?;
        Some(unconfirmed.read + self.timing.unknown_outcome())
    }

    /// A body was read.
    pub(super) fn note_body(&mut self, body: Body, now: Timestamp) {
        let obstacle = match &body.content {
            BodyContent::Files { digest, .. } => {
                let before = self.memory.unconfirmed.as_ref();
                let is_new = before.is_none_or(|before| before.stamp != body.stamp || before.digest != *digest);
                if is_new {
                    self.memory.unconfirmed = Some(UnconfirmedBody {
                        stamp: body.stamp.clone(),
                        digest: *digest,
                        read: now,
                    });
                }
                None
            }
            BodyContent::Bundle(_) => Some(Obstacle::Bundle),
            BodyContent::TooLarge => Some(Obstacle::TooLarge),
        };
        self.memory.obstacle = obstacle.map(|obstacle| (body.stamp.clone(), obstacle));
        self.memory.body = Some(body);
    }
}

/// What says that the live function is this content. Bytes that are known to differ are not outvoted by a mark.
pub(super) fn evidence(content: &Closure, entry: &LiveFunction, found: Found<'_>) -> Option<Evidence> {
    let import_map = content.relative_import_map();
    let can_be = entry.import_map.can_be(import_map.as_deref());
    can_be.then(|| of_content(content, entry, found)).flatten()
}

/// The same, whatever the import map.
pub(super) fn of_content(content: &Closure, entry: &LiveFunction, found: Found<'_>) -> Option<Evidence> {
    match found {
        Found::Files(files, _) => proves(content, files).then_some(Evidence::Proof),
        Found::NoFiles => (entry.mark.as_ref() == Some(&content.revision())).then_some(Evidence::Mark),
    }
}

/// The same bundle with other metadata: the JWT rule or the name was changed.
pub(super) fn is_same_bundle(applied: &Applied, entry: &LiveFunction) -> bool {
    entry.stamp.bundle_digest.is_some()
        && (&entry.stamp.id, entry.stamp.version, &entry.stamp.bundle_digest)
            == (&applied.stamp.id, applied.stamp.version, &applied.stamp.bundle_digest)
}
