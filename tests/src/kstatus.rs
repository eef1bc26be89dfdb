//! What the pipelines that read status literally (Flux, Argo CD, `kubectl wait`) may expect of every version of an object.
//!
//! [`violations`] judges one version by itself, [`turns`] one after another. The rules are kstatus's, those of Flux's
//! conditions check, and the house's own: which conditions there are and when, closed lists of reasons, bounds.

use ace_api::{KINDS, KindEntry, MESSAGE_LIMIT, ShownBy, field_manager};
use serde_json::Value;

/// Largest status, in bytes of JSON.
const STATUS_LIMIT: usize = 12 * 1024;
/// Conditions that are there only while they are True.
const WHILE_TRUE: [&str; 3] = ["Reconciling", "Stalled", "Suspended"];
/// Field managers of the operator start with this.
const OPERATOR: &str = "ace-operator";

/// What kstatus makes of an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// The desired state is live.
    Current,
    /// Wait on.
    InProgress,
    /// Waiting is of no use.
    Failed,
    /// It is being deleted.
    Terminating,
}

/// Computes what kstatus computes for a custom resource.
pub fn status(object: &Value) -> Status {
    if object["metadata"]["deletionTimestamp"].is_string() {
        return Status::Terminating;
    }
    if let (Some(generation), Some(observed)) = (generation(object), observed(object))
        && generation != observed
    {
        return Status::InProgress;
    }
    for condition in conditions(object) {
        match (text(&condition["type"]), text(&condition["status"])) {
            ("Reconciling", "True") => return Status::InProgress,
            ("Stalled", "True") => return Status::Failed,
            _ => {}
        }
    }
    match condition(object, "Ready").map(|ready| text(&ready["status"])) {
        Some("True") | None => Status::Current,
        Some(_) => Status::InProgress,
    }
}

/// Whether the operator wrote no status yet, or it was wiped: then there is nothing to judge.
pub fn is_unobserved(object: &Value) -> bool {
    conditions(object).is_empty() && observed(object).is_none_or(|observed| observed == -1)
}

/// The condition of `type_`, if there is one.
pub fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    conditions(object).iter().find(|condition| condition["type"] == type_)
}

/// The rules that this version breaks, each as a sentence; none for a sound one.
///
/// `observedGeneration` may be behind `metadata.generation`: that is every version that a user's change makes, and readers
/// take it for in progress. So nothing is asked of `Ready` then.
pub fn violations(object: &Value) -> Vec<String> {
    let mut broken = Broken(Vec::new());
    writes(object, &mut broken);
    if is_unobserved(object) {
        return broken.0;
    }
    shape(object, &mut broken);
    generations(object, &mut broken);
    combinations(object, &mut broken);
    broken.0
}

/// The rules that `after` breaks as the successor of `before`, both versions of one object.
pub fn turns(before: &Value, after: &Value) -> Vec<String> {
    let mut broken = Broken(Vec::new());
    if is_unobserved(before) || is_unobserved(after) {
        return broken.0;
    }
    for old in conditions(before) {
        let Some(new) = condition(after, text(&old["type"])) else {
            continue;
        };
        let (turned, moved) = (
            new["status"] != old["status"],
            new["lastTransitionTime"] != old["lastTransitionTime"],
        );
        broken.when(moved && !turned, || {
            format!("lastTransitionTime of {} moved without its status", text(&old["type"]))
        });
    }
    broken.when(observed(after) < observed(before), || {
        format!(
            "observedGeneration went back from {:?} to {:?}",
            observed(before),
            observed(after)
        )
    });
    broken.0
}

struct Broken(Vec<String>);

impl Broken {
    fn when(&mut self, broken: bool, says: impl FnOnce() -> String) {
        if broken {
            self.0.push(says());
        }
    }
}

/// The operator writes status and finalizers, and nothing else of an object that it did not create.
fn writes(object: &Value, broken: &mut Broken) {
    let creators = creators(text(&object["kind"]));
    for entry in list(&object["metadata"]["managedFields"]) {
        let manager = text(&entry["manager"]);
        if !manager.starts_with(OPERATOR) || creators.iter().any(|creator| creator == manager) {
            continue;
        }
        let fields = &entry["fieldsV1"];
        let allowed = if entry["subresource"] == "status" {
            only(fields, "f:status")
        } else {
            only(fields, "f:metadata") && only(&fields["f:metadata"], "f:finalizers")
        };
        broken.when(!allowed, || {
            format!(
                "{} owns more than status and finalizers: {fields}",
                text(&entry["manager"])
            )
        });
    }
}

/// The managers of kinds whose controllers may create objects of this one.
fn creators(kind: &str) -> Vec<String> {
    let plural = KindEntry::named(kind).map(|kind| kind.plural);
    let creates = |creator: &&KindEntry| {
        let mut rights = creator.rights.iter();
        rights.any(|right| Some(right.resource) == plural && right.verbs.contains(&"create"))
    };
    KINDS
        .iter()
        .filter(creates)
        .map(|creator| field_manager(creator.name))
        .collect()
}

fn only(fields: &Value, name: &str) -> bool {
    fields
        .as_object()
        .is_some_and(|fields| fields.keys().all(|key| key == name))
}

/// Each condition by itself, and the size of it all.
fn shape(object: &Value, broken: &mut Broken) {
    let kind = text(&object["kind"]);
    for (n, condition) in conditions(object).iter().enumerate() {
        let (type_, status) = (text(&condition["type"]), text(&condition["status"]));
        let (reason, message) = (text(&condition["reason"]), text(&condition["message"]));
        let again = conditions(object)[..n].iter().any(|other| other["type"] == type_);
        broken.when(again, || format!("{type_} is there twice"));
        broken.when(!["True", "False", "Unknown"].contains(&status), || {
            format!("{type_} is {status:?}")
        });
        broken.when(WHILE_TRUE.contains(&type_) && status != "True", || {
            format!("{type_} is there though it is {status}")
        });
        match meaning(kind, type_, reason) {
            None => broken
                .0
                .push(format!("{type_} of {kind} has the unknown reason {reason:?}")),
            Some((shown_by, says)) => broken.when(!fits(shown_by, type_, status), || {
                format!("{type_}={status} has the reason {reason}, which belongs to {shown_by:?}: {says}")
            }),
        }
        broken.when(message.is_empty(), || format!("{type_} has no message"));
        broken.when(message.len() > MESSAGE_LIMIT, || {
            format!("message of {type_} has {} bytes", message.len())
        });
        broken.when(message.chars().any(char::is_control), || {
            format!("message of {type_} is not one line")
        });
        broken.when(!condition["lastTransitionTime"].is_string(), || {
            format!("{type_} has no lastTransitionTime")
        });
    }
    let size = object["status"].to_string().len();
    broken.when(size > STATUS_LIMIT, || format!("status has {size} bytes"));
}

/// Where the closed list of the kind has a reason, and what it says of it; `None` when it is not in it.
fn meaning(kind: &str, type_: &str, reason: &str) -> Option<(ShownBy, &'static str)> {
    let reasons = KindEntry::named(kind)?.reasons_of(type_);
    let known = reasons.iter().find(|known| known.name == reason)?;
    Some((known.shown_by, known.meaning))
}

/// Whether a reason is used where it belongs. `Ready` shares the reason of the condition that explains it, and `Reconciling`
/// that of a `Ready` that is Unknown.
fn fits(shown_by: ShownBy, type_: &str, status: &str) -> bool {
    match (type_, status) {
        ("Ready", "True") => shown_by == ShownBy::Ready,
        ("Ready", _) => shown_by != ShownBy::Ready,
        ("Reconciling", _) => [ShownBy::Reconciling, ShownBy::ReadyUnknown].contains(&shown_by),
        ("Stalled", _) => shown_by == ShownBy::Stalled,
        ("Suspended", _) => shown_by == ShownBy::Suspended,
        (_, "True") => shown_by == ShownBy::True,
        (_, "False") => shown_by == ShownBy::False,
        (_, "Unknown") => shown_by == ShownBy::Unknown,
        _ => false,
    }
}

fn generations(object: &Value, broken: &mut Broken) {
    let (generation, root) = (generation(object), observed(object));
    broken.when(root.is_none(), || "status has no observedGeneration".to_owned());
    broken.when(root.is_some_and(|root| root < 1), || {
        format!("observedGeneration is {root:?} beside conditions")
    });
    broken.when(root > generation, || {
        format!("observedGeneration {root:?} is ahead of {generation:?}")
    });
    for condition in conditions(object) {
        let own = condition["observedGeneration"].as_i64();
        broken.when(own != root, || {
            format!(
                "{} describes generation {own:?}, status {root:?}",
                text(&condition["type"])
            )
        });
    }
}

/// Which conditions go together.
fn combinations(object: &Value, broken: &mut Broken) {
    let status = |type_| condition(object, type_).map(|condition| text(&condition["status"]));
    let is_true = |type_| status(type_) == Some("True");
    let (reconciling, stalled) = (is_true("Reconciling"), is_true("Stalled"));
    broken.when(reconciling && stalled, || {
        "Reconciling and Stalled are both there".to_owned()
    });
    match status("Ready") {
        None => broken.0.push("Ready is not there".to_owned()),
        Some("True") => broken.when(reconciling || stalled, || {
            "Ready is True beside Reconciling or Stalled".to_owned()
        }),
        Some("Unknown") => broken.when(!reconciling, || "Ready is Unknown without Reconciling".to_owned()),
        Some(_) => broken.when(!reconciling && !stalled && !is_true("Suspended"), || {
            "Ready is False, and nothing says whether to wait or to act".to_owned()
        }),
    }
    let kind = KindEntry::named(text(&object["kind"]));
    let conditions = kind.map_or(&[][..], |kind| kind.conditions).iter();
    for (type_, _) in conditions.filter(|(type_, _)| type_.is_always_there()) {
        let type_ = type_.as_str();
        broken.when(status(type_).is_none(), || format!("{type_} is not there"));
    }
}

fn conditions(object: &Value) -> &[Value] {
    list(&object["status"]["conditions"])
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn generation(object: &Value) -> Option<i64> {
    object["metadata"]["generation"].as_i64()
}

fn observed(object: &Value) -> Option<i64> {
    object["status"]["observedGeneration"].as_i64()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
#[path = "kstatus_tests.rs"]
mod tests;
