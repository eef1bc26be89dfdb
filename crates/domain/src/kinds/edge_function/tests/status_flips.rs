//! Status flips: what is deployed when one field of a status is not as the operator wrote it.

use std::sync::LazyLock;

use ace_api::EdgeFunctionStatus;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    super::{CheckAnswer, Decision, Kind, Step, StepResult},
    checks::failed,
    fixture::{Case, settled},
    values::{A, B, X, archive, archived, body, content, digest, entry, foreign},
};
use crate::reconcile::kind::Kind as _;

/// Rounds in which nothing is left to do: long enough for every wait but the one for another attempt.
const IDLE: usize = 5;

/// A platform with one function, and the object that is responsible for it. Content `B` fails its checks.
#[derive(Clone)]
struct World {
    case: Case,
    text: &'static str,
    /// The rule of everything that was ever wanted.
    rule: bool,
    /// Content and rule of each deploy, and of each change of the rule alone.
    changes: Vec<(&'static str, bool)>,
}

impl World {
    /// `text` is live, under `live_rule`, and a list has shown it for a while.
    fn new(case: Case, text: &'static str, rule: bool, live_rule: bool) -> Self {
        let mut case = case;
        case.object.spec.verify_jwt = rule;
        case.state.memo.applied.as_mut().unwrap().verify_jwt = rule;
        case.state.memo.proven.as_mut().unwrap().verify_jwt = Some(rule);
        let listing = case.state.listing.as_mut().unwrap();
        listing.entry.as_mut().unwrap().verify_jwt = Some(live_rule);
        Self {
            case: case.written(),
            text,
            rule,
            changes: Vec::new(),
        }
    }

    fn with(mut self, status: EdgeFunctionStatus) -> Self {
        self.case.state.memo = status;
        self.case = self.case.restarted();
        self
    }

    /// Until nothing is left to do.
    fn ends(mut self) -> Self {
        for _ in 0..IDLE {
            let mut steps = 0;
            while let Decision::Do(step) = self.case.decide() {
                steps += 1;
                assert!(steps < 40, "{step:?} again and again");
                let result = self.result(&step);
                let now = self.case.now;
                Kind::update(&self.case.object, &mut self.case.state, &step, Ok(result), now);
            }
            self.case = self.case.later(30);
            let (now, live) = (self.case.now, self.live());
            self.case.state.listing = Some(self.case.shown(live));
            self.case = self.case.platform(|platform| platform.seen = now);
        }
        self
    }

    fn live(&self) -> Option<super::super::LiveFunction> {
        self.case.state.listing.as_ref().unwrap().entry.clone()
    }

    fn result(&mut self, step: &Step) -> StepResult {
        let mut live = self.live();
        match step {
            Step::List { .. } => StepResult::Listed(self.case.shown(live)),
            Step::Get => StepResult::Got(live),
            Step::ReadBody(stamp) => StepResult::Body(body(self.text, stamp)),
            Step::LoadArchive(name) if *name == archive(A) => StepResult::Archive(archived(A, self.rule)),
            Step::LoadArchive(_) => StepResult::Archive(None),
            Step::ArchiveForeign(_) => StepResult::Archived("hello-foreign".to_owned()),
            Step::ArchiveProven { content, .. } => StepResult::Archived(format!("hello-{}", content.revision())),
            Step::Deploy {
                content: deployed,
                verify_jwt,
                ..
            } => {
                let version = live.map_or(0, |live| live.stamp.version) + 1;
                self.text = [A, B]
                    .into_iter()
                    .find(|text| content(text).digest() == deployed.digest())
                    .unwrap();
                let mut deployed = entry(self.text, version);
                deployed.verify_jwt = Some(*verify_jwt);
                self.changes.push((self.text, *verify_jwt));
                let stamp = deployed.stamp.clone();
                self.case.state.listing.as_mut().unwrap().entry = Some(deployed);
                StepResult::Deployed(stamp)
            }
            Step::PatchJwt(verify_jwt) => {
                let patched = live.as_mut().unwrap();
                patched.verify_jwt = Some(*verify_jwt);
                patched.stamp.updated_time += SignedDuration::from_secs(1);
                self.changes.push((self.text, *verify_jwt));
                self.case.state.listing.as_mut().unwrap().entry = live;
                StepResult::Patched
            }
            Step::Probe(_) => StepResult::Probed(CheckAnswer::Status(if self.text == B { 500 } else { 200 })),
            Step::Delete => panic!("nothing is to be deleted"),
        }
    }
}

/// Statuses that differ from this one in one field.
fn flips(status: &EdgeFunctionStatus) -> Vec<(String, EdgeFunctionStatus)> {
    let whole = serde_json::to_value(status).unwrap();
    let mut places = Vec::new();
    leaves(&whole, String::new(), &mut places);
    let mut flips = Vec::new();
    for place in places {
        let leaf = whole.pointer(&place).unwrap();
        let others = match leaf {
            Value::Bool(value) => vec![json!(!value)],
            Value::Number(value) => [-1, 1].map(|by| json!(value.as_i64().unwrap() + by)).into(),
            Value::String(text) => others(text),
            _ => Vec::new(),
        };
        let mut changed: Vec<_> = others
            .into_iter()
            .map(|other| {
                let mut status = whole.clone();
                *status.pointer_mut(&place).unwrap() = other.clone();
                (format!("{place}: {leaf} becomes {other}"), status)
            })
            .collect();
        let (parent, key) = place.rsplit_once('/').unwrap();
        let mut without = whole.clone();
        if let Some(parent) = without.pointer_mut(parent).and_then(Value::as_object_mut) {
            parent.remove(key);
            changed.push((format!("{place} is missing"), without));
        }
        // One that is no status of a function is refused by the API server.
        flips.extend(
            changed
                .into_iter()
                .filter_map(|(what, status)| Some((what, serde_json::from_value(status).ok()?))),
        );
    }
    flips
}

fn leaves(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                leaves(value, format!("{place}/{key}"), places);
            }
            if !place.is_empty() {
                places.push(place);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                leaves(value, format!("{place}/{at}"), places);
            }
            places.push(place);
        }
        _ => places.push(place),
    }
}

/// One character differs, or it is what another object could have there.
fn others(text: &str) -> Vec<Value> {
    static ELSEWHERE: LazyLock<[Vec<String>; 3]> = LazyLock::new(|| {
        let words = ["RollOut", "Correction", "RollBack", "RolledBack", "ChecksFailed"];
        [
            [A, B, X].map(digest).into(),
            [A, B, X].map(archive).into(),
            words.map(str::to_owned).into(),
        ]
    });
    let other = if text.starts_with('x') { "y" } else { "x" };
    let mut rest = text.chars();
    rest.next();
    let changed = format!("{other}{}", rest.as_str());
    let alike = ELSEWHERE.iter().find(|alike| alike.iter().any(|one| one == text));
    let alike = alike.into_iter().flatten().filter(|one| *one != text);
    alike.cloned().chain([changed]).map(Value::from).collect()
}

#[test]
fn status_flips_deploy_nothing_that_nobody_wanted() {
    for rule in [false, true] {
        let rolls_back = World::new(failed(), B, rule, rule);
        assert_eq!(rolls_back.clone().ends().changes, [(A, rule)]);
        let mut rolled_back = rolls_back.clone().ends();
        rolled_back.changes.clear();
        assert_eq!(rolled_back.clone().ends().changes, []);
        let mut overwritten = rolled_back.clone();
        overwritten.text = X;
        let mut others = foreign(9);
        others.verify_jwt = Some(rule);
        overwritten.case.state.listing = Some(overwritten.case.shown(Some(others)));
        assert_eq!(overwritten.clone().ends().changes, [(A, rule)]);
        let corrects = World::new(settled().sees(Some(foreign(4))), X, rule, rule);
        assert_eq!(corrects.clone().ends().changes, [(A, rule)]);
        let opened = World::new(settled(), A, rule, !rule);
        assert_eq!(opened.clone().ends().changes, [(A, rule)]);
        for (world, what) in [
            (&rolls_back, "rolls back"),
            (&rolled_back, "rolled back"),
            (&overwritten, "overwritten"),
            (&corrects, "corrects"),
            (&opened, "opened"),
        ] {
            let flips = flips(&world.case.state.memo);
            assert!(flips.len() > 60, "{}", flips.len());
            for (flip, status) in flips {
                for (_, changed) in world.clone().with(status).ends().changes {
                    assert_eq!(changed, rule, "{what}, {flip}");
                }
            }
        }
    }
}
