//! What is to be told, by groups: which alerts share a message, and what is news.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use ace_api::{AlertGroup, DeliveryIntent, DeliveryType, NotificationChannel, Severity, ToldNews};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{
    State,
    rules::{Firing, firing},
};

/// Key and name of the group that has what is beyond `maxGroups`.
pub(super) const OVERFLOW: &str = "overflow";

/// Bytes of a group's name.
const LONGEST_NAME: usize = 48;

/// Digits of keys and digests.
const DIGITS: usize = 12;

/// A group of alerts, as they fire now.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    pub key: String,
    pub name: String,
    /// All that fire.
    pub firing: Vec<Firing<'a>>,
    /// Each alert is kept by itself, so that its end is news, too.
    pub is_exact: bool,
}

/// A message that is to be sent.
#[derive(Clone, Debug)]
pub(super) struct Due<'a> {
    pub type_: DeliveryType,
    pub group: Group<'a>,
    pub at: Timestamp,
    /// What the receiver knows of the group; of one that is over it is all there is.
    pub severity: Severity,
    pub since: Option<Timestamp>,
    /// Id of the first message that may have arrived.
    pub first: Option<String>,
    /// When it was told last.
    pub told: Option<Timestamp>,
}

/// What is to be told, and when something else may be.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    /// The message that is due first, the gravest before others.
    pub due: Option<Due<'a>>,
    /// When it is to be looked at again.
    pub next: Option<Timestamp>,
}

impl<'a> Group<'a> {
    /// Those to be told, the gravest first.
    pub fn told(&self) -> Vec<&Firing<'a>> {
        let mut told: Vec<&Firing> = self.firing.iter().filter(|one| one.is_told).collect();
        told.sort_by_key(|one| {
            let alert = one.alert;
            (Reverse(alert.severity), alert.since, &one.rule.name, &alert.fingerprint)
        });
        told
    }

    pub fn severity(&self) -> Option<Severity> {
        self.firing
            .iter()
            .filter(|one| one.is_told)
            .map(|one| one.alert.severity)
            .max()
    }

    /// Identifies the alerts that are to be told.
    pub fn digest(&self) -> String {
        if self.is_exact {
            return self.rows_digest();
        }
        let told = self.firing.iter().filter(|one| one.is_told);
        let told: BTreeSet<_> = told
            .map(|one| (&one.rule.uid, &one.alert.fingerprint, one.alert.severity))
            .collect();
        let parts = told
            .into_iter()
            .flat_map(|(uid, fingerprint, severity)| [uid.as_str(), fingerprint.as_str(), severity.as_str()]);
        short(parts)
    }

    /// Identifies the alerts that are kept, and what is shown of them.
    fn rows_digest(&self) -> String {
        let row = |one: &'_ Firing<'a>| {
            let (rule, alert) = (one.rule, one.alert);
            let told = if one.is_told { "told" } else { "" };
            let parts = [rule.uid.as_str(), &alert.fingerprint, alert.severity.as_str(), told];
            (parts, alert.since.to_string())
        };
        let all: BTreeSet<_> = self.firing.iter().map(row).collect();
        short(
            all.iter()
                .flat_map(|(parts, since)| parts.iter().copied().chain([since.as_str()])),
        )
    }

    fn is_empty(&self) -> bool {
        self.firing.is_empty()
    }
}

/// The first digits of a SHA-256 of these parts.
pub(super) fn short<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let mut digest = hex::encode(digest.finalize());
    digest.truncate(DIGITS);
    digest
}

/// The groups of what fires: those that are known, and those that are new. A known group that has no alert any more is empty.
pub(super) fn groups<'a>(
    object: &NotificationChannel,
    state: &'a State,
    now: Timestamp,
) -> (Vec<Group<'a>>, Option<Timestamp>) {
    let (firing, next) = firing(object, state, now);
    let is_exact = object.spec.platform_table.is_some();
    let mut all: BTreeMap<String, Group> = BTreeMap::new();
    for one in firing {
        let (key, name) = group_of(object, &one);
        let group = all.entry(key.clone()).or_insert(Group {
            key,
            name,
            firing: Vec::new(),
            is_exact,
        });
        group.firing.push(one);
    }
    let known = &state.memo.groups;
    let mut groups: Vec<Group> = known
        .iter()
        .filter(|group| group.key != OVERFLOW)
        .map(|group| {
            all.remove(&group.key).unwrap_or_else(|| Group {
                key: group.key.clone(),
                name: group.name.clone(),
                firing: Vec::new(),
                is_exact,
            })
        })
        .collect();
    let most = usize::try_from(object.spec.max_groups).unwrap_or(1);
    let overflows = known.iter().any(|group| group.key == OVERFLOW);
    // While that group is open, all that is new is told in it: who leaves it would be told twice.
    let room = if overflows {
        0
    } else {
        most.saturating_sub(groups.len())
    };
    let mut new: Vec<Group> = all.into_values().collect();
    new.sort_by_cached_key(|group| {
        let since = group.told().first().map(|one| one.alert.since);
        (
            since.is_none(),
            Reverse(group.severity()),
            since,
            group.name.clone(),
            group.key.clone(),
        )
    });
    let beyond = new.split_off(new.len().min(room));
    groups.extend(new);
    let rest: Vec<Firing> = beyond.into_iter().flat_map(|group| group.firing).collect();
    if overflows || !rest.is_empty() {
        groups.push(Group {
            key: OVERFLOW.to_owned(),
            name: OVERFLOW.to_owned(),
            firing: rest,
            is_exact,
        });
    }
    (groups, next)
}

/// Key and name of the group of an alert.
fn group_of(object: &NotificationChannel, one: &Firing) -> (String, String) {
    let by = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let spec = &object.spec;
    let names: Vec<String> = match &spec.group_by {
        Some(names) => names.clone(),
        None if spec.pager_duty.is_some() || spec.platform_table.is_some() => by(&["rule"]),
        None => by(&["platform", "severity"]),
    };
    let (rule, alert) = (one.rule, one.alert);
    let values: Vec<&str> = names
        .iter()
        .map(|name| match name.as_str() {
            "rule" => rule.name.as_str(),
            "platform" => rule.platform.as_str(),
            "severity" => alert.severity.as_str(),
            label => {
                let value = alert.labels.get(label).or_else(|| rule.labels.get(label));
                value.map_or("", String::as_str)
            }
        })
        .collect();
    let shown: Vec<&str> = values.iter().copied().filter(|value| !value.is_empty()).collect();
    let name = if shown.is_empty() {
        "others".to_owned()
    } else {
        shown.join(" ")
    };
    let parts = names
        .iter()
        .map(String::as_str)
        .zip(values)
        .flat_map(|(name, value)| [name, value]);
    (short(parts), ace_api::clipped(&ace_api::message(&name), LONGEST_NAME))
}

/// What is due, the gravest first; what is beyond `maxGroups` is told last.
pub(super) fn plan<'a>(object: &NotificationChannel, state: &'a State, now: Timestamp) -> Plan<'a> {
    let (groups, mut next) = groups(object, state, now);
    let mut due: Vec<Due> = Vec::new();
    for group in groups {
        let known = state.memo.groups.iter().find(|known| known.key == group.key);
        let Some((type_, at)) = wanted(object, state, &group, known) else {
            continue;
        };
        if at <= now {
            let told = known.and_then(|known| known.told.as_ref());
            due.push(Due {
                type_,
                group,
                at,
                severity: told.map_or(Severity::Info, |told| told.severity),
                since: known.map(|known| known.since),
                first: known.and_then(|known| known.first.clone()),
                told: told.map(|told| told.time),
            });
        } else {
            next = next.into_iter().chain([at]).min();
        }
    }
    let underway = state.memo.intent.as_ref().map(|intent| &intent.key);
    let first = due.into_iter().min_by_key(|due| {
        let key = &due.group.key;
        let is_underway = Some(key) == underway;
        (
            !is_underway,
            key == OVERFLOW,
            Reverse(due.group.severity()),
            due.at,
            key.clone(),
        )
    });
    Plan { due: first, next }
}

/// What is to be said of a group, and when.
fn wanted(
    object: &NotificationChannel,
    state: &State,
    group: &Group,
    known: Option<&AlertGroup>,
) -> Option<(DeliveryType, Timestamp)> {
    let (spec, timing) = (&object.spec, state.timing);
    let told = group.told();
    let wait = |from: Timestamp, wait: ace_api::Duration| from + timing.interval(wait.get());
    let first = || {
        let ripe = told.iter().map(|one| one.ripe).min()?;
        Some((DeliveryType::Trigger, wait(ripe, spec.group_wait)))
    };
    let Some(known) = known else { return first() };
    let wanted = match &known.told {
        _ if group.is_empty() && !state.are_rules_known => None,
        _ if group.is_empty() => {
            // Nobody was told of what was refused.
            let may_be_known = known.told.is_some() || known.refused.is_none();
            let at = known
                .told
                .as_ref()
                .map_or(known.since, |told| wait(told.time, spec.group_interval));
            (may_be_known && spec.send_resolved).then_some((DeliveryType::Resolve, at))
        }
        None => first(),
        // Of a row the end is shown, too.
        Some(last) if group.is_exact && group.digest() != last.digest && !is_graver(group, last) => {
            Some((DeliveryType::Update, wait(last.time, spec.group_interval)))
        }
        Some(_) if told.is_empty() => None,
        Some(last) if is_graver(group, last) => Some((DeliveryType::Update, last.time)),
        Some(last) if is_news(group, last) => Some((DeliveryType::Update, wait(last.time, spec.group_interval))),
        Some(last) => Some((DeliveryType::Repeat, wait(last.time, spec.repeat_interval))),
    };
    let generation = object.metadata.generation.unwrap_or_default();
    let refused = known
        .refused
        .as_ref()
        .filter(|refused| refused.generation == generation);
    wanted.filter(|_| refused.is_none_or(|refused| refused.digest != group.digest()))
}

fn is_graver(group: &Group, last: &ToldNews) -> bool {
    last.firing > 0 && group.severity() > Some(last.severity)
}

/// An alert is among those to be told that was not told yet. Of others it is enough that they are fewer.
fn is_news(group: &Group, last: &ToldNews) -> bool {
    let told = group.told();
    let is_milder = last.firing > 0 && group.severity() < Some(last.severity);
    let is_new = |one: &&Firing| one.ripe > last.time;
    group.digest() != last.digest && (told.iter().any(is_new) || (count(told.len()) >= last.firing && !is_milder))
}

pub(super) fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// What of a known group needs no message.
struct Settled {
    key: String,
    firing: i32,
    /// The alerts that were told and still are to be told: some are over, silenced or acknowledged.
    told: Option<(String, i32, Option<Severity>)>,
}

/// Takes into the memo what needs no message: alerts that are over, silenced or acknowledged while others of their group fire, a
/// message that nobody needs any more, and groups whose end nobody is told of.
pub(super) fn settle(object: &NotificationChannel, state: &mut State, now: Timestamp) {
    for settled in settled(object, state, now) {
        let Some(known) = state.memo.groups.iter_mut().find(|known| known.key == settled.key) else {
            continue;
        };
        known.firing = settled.firing;
        if let (Some(last), Some((digest, firing, severity))) = (&mut known.told, settled.told) {
            last.digest = digest;
            last.firing = firing;
            last.severity = severity.unwrap_or(last.severity);
        }
    }
    let underway = state
        .memo
        .intent
        .as_ref()
        .filter(|intent| intent.retry_time.is_none_or(|at| at <= now));
    if underway.is_some_and(|intent| !is_wanted(object, state, intent, now)) {
        state.memo.intent = None;
    }
    let underway = state.memo.intent.as_ref().map(|intent| intent.key.as_str());
    state.memo.groups.retain(|known| {
        let is_over = known.firing == 0 && underway != Some(known.key.as_str());
        let is_unknown = known.told.is_none() && known.refused.is_some();
        !(is_over && (is_unknown || !object.spec.send_resolved))
    });
}

/// Whether a message that was tried is still the one to be sent.
fn is_wanted(object: &NotificationChannel, state: &State, intent: &DeliveryIntent, now: Timestamp) -> bool {
    let (groups, _) = groups(object, state, now);
    let known = state.memo.groups.iter().find(|known| known.key == intent.key);
    let group = groups.iter().find(|group| group.key == intent.key);
    let wanted = group.and_then(|group| Some((wanted(object, state, group, known)?.0, group.digest())));
    wanted == Some((intent.delivery.type_, intent.digest.clone()))
}

fn settled(object: &NotificationChannel, state: &State, now: Timestamp) -> Vec<Settled> {
    let (groups, _) = groups(object, state, now);
    let of = |known: &AlertGroup| {
        let group = groups.iter().find(|group| group.key == known.key)?;
        let last = known.told.as_ref().filter(|_| !group.is_empty() && !group.is_exact);
        let is_less = last.is_some_and(|last| !is_graver(group, last) && !is_news(group, last));
        Some(Settled {
            key: known.key.clone(),
            firing: count(group.firing.len()),
            told: is_less.then(|| (group.digest(), count(group.told().len()), group.severity())),
        })
    };
    state.memo.groups.iter().filter_map(of).collect()
}
