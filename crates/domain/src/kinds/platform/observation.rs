//! What was observed of one Platform: shared by all its functions, lost with the process.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ace_api::ProjectStatus;
use jiff::Timestamp;

use super::Points;
use crate::{
    kinds::edge_function::{Listing, LiveFunction},
    reconcile::dependency::Dependency,
    reconcile::key::Key,
};

/// Most lists whose start is remembered. Only those far apart are kept, so that sixteen reach back minutes.
const LISTS: usize = 16;

/// What was observed of one project.
#[derive(Clone, Debug)]
pub struct Observation {
    watching_since: Timestamp,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    lists: VecDeque<Timestamp>,
    functions: BTreeMap<String, Seen>,
    writes: BTreeMap<String, Timestamp>,
    /// Slugs that objects describe: what is known of them is kept while they are in no list, too.
    described: BTreeSet<String>,
    /// When the last slug that was forgotten left the list.
    forgotten: Option<Timestamp>,
    secrets: Option<(Timestamp, BTreeSet<String>)>,
    points: Option<Asked>,
    project: Option<(Timestamp, Option<ProjectStatus>)>,
    failing: Option<String>,
    refusal: Option<Refusal>,
}

/// What the platform can restore the database to, and when it was asked.
#[derive(Clone, Debug)]
struct Asked {
    at: Timestamp,
    /// Of the last answer.
    points: Option<Points>,
    /// Why there was no answer this time.
    problem: Option<String>,
}

/// A change that the platform refused whatever its content.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    pub by: RefusedBy,
    pub message: String,
    pub at: Timestamp,
}

/// What a person has to change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RefusedBy {
    /// 402: the plan of the project.
    Plan,
    /// 403: the permissions of the token.
    Permissions,
}

#[derive(Clone, Debug)]
struct Seen {
    entry: Option<LiveFunction>,
    since: Timestamp,
}

/// Changes from one list to the next.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Slugs whose entry differs from the list before.
    entries: Vec<String>,
    /// Those of them that this operator wrote to since the list before.
    own: BTreeSet<String>,
    /// A function was created or deleted.
    comings: bool,
}

impl Changes {
    /// What changed, in the project of this Platform.
    pub fn of(&self, platform: &Key) -> Vec<Dependency> {
        let entry = |slug: &String, own| Dependency::ListEntry {
            platform: platform.clone(),
            slug: slug.clone(),
            own,
        };
        let own = self.entries.iter().map(|slug| entry(slug, true));
        let others = self.entries.iter().filter(|slug| !self.own.contains(*slug));
        let comings = self.comings.then(|| Dependency::LiveFunctions(platform.clone()));
        own.chain(others.map(|slug| entry(slug, false)))
            .chain(comings)
            .collect()
    }
}

/// Reachability of the platform. Its functions are enqueued when this improves, and once when the platform is lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    Unlisted,
    /// Listed, and the last request was answered.
    Reachable,
    /// The last request was not answered.
    Failing,
    /// No successful list for three intervals.
    Lost,
}

impl Observation {
    /// An observation without any list.
    pub fn new(watching_since: Timestamp) -> Self {
        Self {
            watching_since,
            first: None,
            last: None,
            lists: VecDeque::new(),
            functions: BTreeMap::new(),
            writes: BTreeMap::new(),
            described: BTreeSet::new(),
            forgotten: None,
            secrets: None,
            points: None,
            project: None,
            failing: None,
            refusal: None,
        }
    }

    /// Records a list that was requested at `started`. One that is older than the last one is ignored.
    pub fn record_list(&mut self, started: Timestamp, entries: BTreeMap<String, LiveFunction>) -> Changes {
        self.failing = None;
        let mut changes = Changes::default();
        if self.last.is_some_and(|last| started < last) {
            return changes;
        }
        let gone = |(slug, seen): (&String, &Seen)| {
            let is_gone = seen.entry.is_some() && !entries.contains_key(slug);
            is_gone.then(|| (slug.clone(), None))
        };
        let gone: Vec<_> = self.functions.iter().filter_map(gone).collect();
        for (slug, entry) in gone
            .into_iter()
            .chain(entries.into_iter().map(|(slug, entry)| (slug, Some(entry))))
        {
            let before = self.functions.get(&slug).and_then(|seen| seen.entry.as_ref());
            if before == entry.as_ref() {
                continue;
            }
            changes.comings |= before.is_none() || entry.is_none();
            if self
                .writes
                .get(&slug)
                .is_some_and(|write| self.last.is_none_or(|last| *write >= last))
            {
                changes.own.insert(slug.clone());
            }
            changes.entries.push(slug.clone());
            self.functions.insert(slug, Seen { entry, since: started });
        }
        self.first.get_or_insert(started);
        self.last = Some(started);
        self.lists.push_back(started);
        self.thin();
        self.forget(started);
        changes
    }

    /// The slugs that objects describe, from now on.
    pub fn set_described(&mut self, slugs: BTreeSet<String>) {
        self.described = slugs;
    }

    /// Forgets what is neither in the last list, which was requested at `last`, nor described by an object: others may give functions
    /// as many names as they like.
    fn forget(&mut self, last: Timestamp) {
        let described = &self.described;
        let forgotten = &mut self.forgotten;
        self.functions.retain(|slug, seen| {
            let is_kept = seen.entry.is_some() || described.contains(slug);
            if !is_kept {
                *forgotten = (*forgotten).max(Some(seen.since));
            }
            is_kept
        });
        // Of an older write to what is gone this list shows the outcome.
        let functions = &self.functions;
        self.writes
            .retain(|slug, write| *write >= last || functions.contains_key(slug) || described.contains(slug));
    }

    /// Keeps the newest list and, before it, those that are furthest apart.
    fn thin(&mut self) {
        while self.lists.len() > LISTS {
            let around = self.lists.iter().zip(self.lists.iter().skip(2)).enumerate();
            let closest = around.min_by_key(|(_, (before, after))| after.duration_since(**before));
            self.lists.remove(closest.map_or(0, |(index, _)| index + 1));
        }
    }

    /// This operator is about to write to a slug, or has just done so.
    pub fn wrote(&mut self, slug: &str, at: Timestamp) {
        self.writes.insert(slug.to_owned(), at);
        // Whoever writes it describes it, before the next pass of the Platform counts it.
        self.described.insert(slug.to_owned());
    }

    /// Records that a request was not answered, with its description.
    pub fn failed(&mut self, message: String) {
        self.failing = Some(message);
    }

    /// Records that a request was answered, whatever the answer.
    pub fn answered(&mut self) {
        self.failing = None;
    }

    /// A change was refused whatever its content.
    pub fn refused(&mut self, refusal: Refusal) {
        self.refusal = Some(refusal);
    }

    /// A change was made, or what decides about changes may be another.
    pub fn permitted(&mut self) {
        self.refusal = None;
    }

    /// The last change, if it was refused whatever its content.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// Records the names of the project's secrets; true if they changed.
    pub fn record_secrets(&mut self, started: Timestamp, names: BTreeSet<String>) -> bool {
        let changed = self.secrets.as_ref().map(|(_, before)| before) != Some(&names);
        self.secrets = Some((started, names));
        changed
    }

    /// Records what the platform can restore the database to, or why it does not say: what it said before is still there.
    pub fn record_points(&mut self, started: Timestamp, answer: Result<Points, String>) {
        let before = self.points.take().and_then(|asked| asked.points);
        let (points, problem) = match answer {
            Ok(points) => (Some(points), None),
            Err(problem) => (before, Some(problem)),
        };
        self.points = Some(Asked {
            at: started,
            points,
            problem,
        });
    }

    /// When the platform was asked last what it can restore the database to.
    pub fn points_asked(&self) -> Option<Timestamp> {
        self.points.as_ref().map(|asked| asked.at)
    }

    /// What it can restore the database to, or why it never said; nothing before it was asked.
    pub fn points(&self) -> Option<Result<&Points, &str>> {
        let asked = self.points.as_ref()?;
        match (&asked.points, &asked.problem) {
            (Some(points), _) => Some(Ok(points)),
            (None, problem) => Some(Err(problem.as_deref().unwrap_or_default())),
        }
    }

    /// Records the project; `None` if the token is not allowed to read it.
    pub fn record_project(&mut self, started: Timestamp, project: Option<ProjectStatus>) {
        self.failing = None;
        self.project = Some((started, project));
    }

    /// What the last list shows of `slug`.
    pub fn listing(&self, slug: &str) -> Option<Listing> {
        let (first, last) = (self.first?, self.last?);
        let (entry, since) = match self.functions.get(slug) {
            Some(seen) => (seen.entry.clone(), seen.since),
            // It may be one that was forgotten: then it is absent since then at the latest.
            None => (None, self.forgotten.map_or(first, |forgotten| forgotten.max(first))),
        };
        let lists = self.lists.iter().copied().filter(|list| *list >= since).collect();
        Some(Listing {
            first,
            started: last,
            entry,
            since,
            lists,
            last_write: self.writes.get(slug).copied(),
        })
    }

    /// Slugs that were live in the last list.
    pub fn live(&self) -> impl Iterator<Item = &str> {
        self.functions
            .iter()
            .filter(|(_, seen)| seen.entry.is_some())
            .map(|(slug, _)| slug.as_str())
    }

    /// When the last successful list was requested.
    pub fn listed(&self) -> Option<Timestamp> {
        self.last
    }

    /// When the last successful list was requested; before the first: when the operator started watching.
    pub fn seen(&self) -> Timestamp {
        self.last.unwrap_or(self.watching_since)
    }

    /// Names of the project's secrets and when they were requested.
    pub fn secrets(&self) -> Option<&(Timestamp, BTreeSet<String>)> {
        self.secrets.as_ref()
    }

    /// The project and when it was requested.
    pub fn project(&self) -> Option<&(Timestamp, Option<ProjectStatus>)> {
        self.project.as_ref()
    }

    /// Description of the last request's failure, if it failed.
    pub fn failing(&self) -> Option<&str> {
        self.failing.as_deref()
    }

    /// Reachability of the platform at `now`.
    pub fn phase(&self, lost_after: std::time::Duration, now: Timestamp) -> Phase {
        if now > self.seen() + lost_after {
            Phase::Lost
        } else if self.failing.is_some() {
            Phase::Failing
        } else if self.last.is_none() {
            Phase::Unlisted
        } else {
            Phase::Reachable
        }
    }
}

#[cfg(test)]
mod tests;
