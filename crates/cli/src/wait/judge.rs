use std::collections::BTreeMap;

use ace_api::ConditionType;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::member::Member;

/// Fewest characters of a revision's beginning: those with which Git abbreviates a commit.
const BEGINNING: usize = 7;
/// Reasons by which a revision is refused before it is taken: the status still shows the one before.
const REFUSED: [&str; 2] = ["SourceInvalid", "SourceRefused"];

/// What the objects say together.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Judged {
    /// All have taken the revision and are Ready.
    Taken,
    /// These need a person.
    Stalled(Vec<String>),
    /// These have not taken it, or are not Ready.
    Waiting(Vec<String>),
}

enum One {
    Taken,
    Stalled(String),
    Waiting(String),
}

/// Judges what is seen of the same objects, again and again.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    revision: &'a str,
    /// How objects were stalled at the first look: by what was there before, as far as anybody knows.
    before: Option<BTreeMap<String, Option<Condition>>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(revision: &'a str) -> Self {
        Self { revision, before: None }
    }

    pub(super) fn judge(&mut self, members: &[Member]) -> Judged {
        let stalls = || {
            members
                .iter()
                .map(|member| (member.shown(), stall(member).cloned()))
                .collect()
        };
        let before = self.before.get_or_insert_with(stalls);
        let (mut stalled, mut waiting) = (Vec::new(), Vec::new());
        for member in members {
            let name = member.shown();
            let known = before.get(&name).and_then(Option::as_ref);
            match one(member, self.revision, known) {
                One::Taken => {}
                One::Stalled(message) => stalled.push(format!("{name}: {message}")),
                One::Waiting(message) => waiting.push(format!("{name}: {message}")),
            }
        }
        if !stalled.is_empty() {
            Judged::Stalled(stalled)
        } else if !waiting.is_empty() {
            Judged::Waiting(waiting)
        } else {
            Judged::Taken
        }
    }
}

fn one(member: &Member, revision: &str, before: Option<&Condition>) -> One {
    if !member.observed {
        return One::Waiting("its spec was not observed yet".to_owned());
    }
    let shown = member.revision.as_deref();
    let has_taken = shown.is_some_and(|shown| is_revision(shown, revision));
    if let Some(stalled) = stall(member) {
        let is_new = before.is_none_or(|before| !is_same(stalled, before));
        let refuses = REFUSED.contains(&stalled.reason.as_str()) && is_new;
        if has_taken || refuses {
            return One::Stalled(stalled.message.clone());
        }
    }
    let ready = ConditionType::Ready.of(&member.conditions);
    let is_ready = ready.is_some_and(|ready| ready.status == "True");
    if has_taken && is_ready {
        return One::Taken;
    }
    if ConditionType::Suspended.is_true(&member.conditions) {
        return One::Stalled("it is suspended, so it takes no revision; resume it, or name the others".to_owned());
    }
    let message = ready.map_or("it has no condition Ready", |ready| &ready.message);
    One::Waiting(match (has_taken, shown) {
        (true, _) => message.to_owned(),
        (false, Some(shown)) => format!("is at {shown}: {message}"),
        (false, None) => format!("has no revision: {message}"),
    })
}

fn stall(member: &Member) -> Option<&Condition> {
    ConditionType::Stalled
        .of(&member.conditions)
        .filter(|stalled| stalled.status == "True")
}

/// Whether a condition is one that was seen before, of whatever generation: each pass writes the one that it has looked at.
fn is_same(one: &Condition, other: &Condition) -> bool {
    one.reason == other.reason && one.message == other.message && one.last_transition_time == other.last_transition_time
}

/// Whether a status shows the revision that was asked for: all of it, what is behind its colon, or the beginning of a commit.
fn is_revision(shown: &str, wanted: &str) -> bool {
    let digest = shown.rsplit(':').next().unwrap_or(shown);
    let is_beginning = wanted.len() >= BEGINNING
        && wanted.bytes().all(|byte| byte.is_ascii_hexdigit())
        && digest.starts_with(&wanted.to_ascii_lowercase());
    shown == wanted || (digest != shown && digest == wanted) || is_beginning
}
