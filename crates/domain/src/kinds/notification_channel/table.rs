//! The platform's own page of alerts: the rows that there are to be, and what people did about them there.

use std::time::Duration;

use ace_api::{Alert, ChannelReason, Database, HandledGroup, NotificationChannel, Reason, ShownBy};
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Cause, News, State,
    groups::{Group, OVERFLOW, groups, short},
    news::of_one,
};
use crate::{
    inputs::{self, PlatformState},
    kinds::{alert_rule::firing_digest, platform::DatabaseFailure},
};

/// Labels that fill columns of the same name, if their values are ids.
const SCOPES: [&str; 3] = ["rule_id", "organization_id", "client_id"];

/// The page that a channel writes to.
#[derive(Clone, Debug)]
pub struct Page {
    pub platform: PlatformState<PagePlatform>,
    /// What people did about rows that are open, if it was read in this pass.
    pub handled: Option<Vec<Handled>>,
}

/// What a channel has to know of the page's Platform.
#[derive(Clone, Debug, PartialEq)]
pub struct PagePlatform {
    pub interval: Duration,
    pub is_suspended: bool,
}

impl inputs::PlatformFacts for PagePlatform {
    fn interval(&self) -> Duration {
        self.interval
    }

    fn is_suspended(&self) -> bool {
        self.is_suspended
    }
}

/// A row that somebody has acknowledged or resolved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Handled {
    pub id: Uuid,
    /// Id of who did it, where the row has one.
    pub by: Option<Uuid>,
    pub time: Timestamp,
}

/// The last look at the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    pub at: Timestamp,
    pub of: LookedFor,
    /// Why nothing can be written there.
    pub failure: Option<Cause>,
}

/// Generations of channel and Platform, and the channel's `reconcile-at`.
pub type LookedFor = (Option<i64>, Option<i64>, Option<String>);

/// The rows of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// Those that there are to be.
    pub told: Vec<Row>,
    /// The alerts of all that fire, also of those that are silenced: the other rows of the group are resolved.
    pub firing: Vec<Uuid>,
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub id: Uuid,
    /// That of the rule.
    pub uid: String,
    pub fingerprint: String,
    /// What a message about this alert alone would say.
    pub news: News,
    /// Columns, and the ids in labels of the same name.
    pub scopes: Vec<(&'static str, Uuid)>,
}

/// The id of an alert's row: another firing has another one.
fn row_id(uid: &str, alert: &Alert) -> Uuid {
    let Alert { fingerprint, since, .. } = alert;
    let name = format!("https://ops.mobulace.com/alerts/{uid}/{fingerprint}/{since}");
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}

/// The rows of a group, if it has rows.
pub(super) fn rows(object: &NotificationChannel, group: &Group) -> Option<Rows> {
    object.spec.platform_table.as_ref()?;
    let row = |one: &&super::rules::Firing| {
        let scopes = SCOPES.into_iter().filter_map(|name| {
            let id = one.alert.labels.get(name)?;
            Some((name, Uuid::parse_str(id).ok()?))
        });
        Row {
            id: row_id(&one.rule.uid, one.alert),
            uid: one.rule.uid.clone(),
            fingerprint: one.alert.fingerprint.clone(),
            news: of_one(object, one),
            scopes: scopes.collect(),
        }
    };
    Some(Rows {
        told: group.told().iter().copied().map(|one| row(&one)).collect(),
        firing: ids(group),
    })
}

fn ids(group: &Group) -> Vec<Uuid> {
    let firing = group.firing.iter();
    firing.map(|one| row_id(&one.rule.uid, one.alert)).collect()
}

/// Whether the table is to be looked at in this pass.
pub fn is_look_due(state: &State, of: &LookedFor, now: Timestamp) -> bool {
    let Some(look) = state.memory.look.as_ref().filter(|look| look.of == *of) else {
        return true;
    };
    match &look.failure {
        Some(cause) if is_passing(cause) || state.memory.refusals.are_doubted() => true,
        Some(_) => now >= look.at + interval(state),
        None => has_open_rows(state) && now >= look.at + interval(state),
    }
}

/// When the table is looked at next: while rows are open, or a person has to act.
pub(super) fn next_look(state: &State) -> Option<Timestamp> {
    let look = state.memory.look.as_ref()?;
    (look.failure.is_some() || has_open_rows(state)).then(|| look.at + interval(state))
}

fn is_passing(cause: &Cause) -> bool {
    cause.reason.shown_by() != ShownBy::Stalled
}

fn interval(state: &State) -> Duration {
    let page = state.page.as_ref();
    page.map_or_else(
        || state.timing.backoff_most(),
        |page| page.platform.interval(state.timing),
    )
}

fn has_open_rows(state: &State) -> bool {
    state.memo.groups.iter().any(|group| group.told.is_some())
}

/// The open rows that people may have handled. Those of the group that has what is beyond `maxGroups` are not read back: they
/// are of many rules.
pub fn open_rows(object: &NotificationChannel, state: &State, now: Timestamp) -> Vec<Uuid> {
    let (groups, _) = groups(object, state, now);
    groups
        .iter()
        .filter(|group| is_read(state, group))
        .flat_map(ids)
        .collect()
}

fn is_read(state: &State, group: &Group) -> bool {
    let known = state.memo.groups.iter().find(|known| known.key == group.key);
    group.key != OVERFLOW && known.is_some_and(|known| known.told.is_some())
}

/// Takes into the memo which groups people have handled: all of their alerts.
pub(super) fn settle_handled(object: &NotificationChannel, state: &mut State, now: Timestamp) {
    let Some(handled) = state.page.as_ref().and_then(|page| page.handled.as_ref()) else {
        return;
    };
    let (groups, _) = groups(object, state, now);
    let of = |group: &Group| {
        let find = |id: &Uuid| handled.iter().find(|one| one.id == *id);
        let found: Option<Vec<&Handled>> = ids(group).iter().map(find).collect();
        let last = found?.into_iter().max_by_key(|one| one.time)?;
        Some(HandledGroup {
            digest: firing_digest(group.firing.iter().map(|one| one.alert)),
            by: last.by.map(|by| by.to_string()),
            time: last.time,
        })
    };
    let read = groups.iter().filter(|group| is_read(state, group));
    let found: Vec<(String, Option<HandledGroup>)> = read.map(|group| (group.key.clone(), of(group))).collect();
    for (key, handled) in found {
        if let Some(known) = state.memo.groups.iter_mut().find(|known| known.key == key) {
            known.handled = handled;
        }
    }
}

/// What people did about a rule on the page that this channel writes to.
pub fn handled<'a>(channel: &'a NotificationChannel, rule: &str) -> Option<&'a HandledGroup> {
    channel.spec.platform_table.as_ref()?;
    let key = short(["rule", rule]);
    let groups = &channel.status.as_ref()?.groups;
    groups.iter().find(|group| group.key == key)?.handled.as_ref()
}

/// The Platform has no database.
pub fn database_not_set() -> Cause {
    let message = "the Platform has no `spec.database`, in which `platformTable` could be";
    Cause::new(ChannelReason::DatabaseNotSet, message)
}

/// The table is not as it has to be. `what`: what is missing, in words.
pub fn unsuitable(what: &str) -> Cause {
    let message = format!(
        "rows can't be written to `public.alert_instances`: {what}. Apply the platform's migrations, or remove this channel"
    );
    Cause::new(ChannelReason::TableUnsuitable, message)
}

/// No session of the Platform's database.
pub fn of_database(failure: &DatabaseFailure, database: &Database) -> Cause {
    let cause = failure.cause(database);
    let reason = match failure {
        DatabaseFailure::SecretMissing(_) => ChannelReason::SecretMissing,
        _ => ChannelReason::named(cause.reason.as_str()).unwrap_or(ChannelReason::Retrying),
    };
    Cause::new(reason, cause.message)
}
