//! What happens on a walk.

use std::time::Duration;

use ace_api::{AdoptionPolicy, DeletionPolicy, EdgeFunction, Mode};
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use serde_json::{Value, json};

use super::{
    fleet::Fleet,
    outside::{Loss, PROJECT},
};

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Time passes.
    Wait(u64),
    /// The source holds another content.
    Source(usize, usize),
    Mode(usize, Mode),
    Jwt(usize, bool),
    Wave(usize, i32),
    Suspend(usize, bool),
    Adopt(usize, AdoptionPolicy),
    /// Somebody asks for a look.
    Ask(usize, u64),
    /// Somebody deploys behind the operator's back.
    Deploy(usize, usize, Option<bool>),
    /// Somebody changes the JWT rule.
    Patch(usize, bool),
    /// Somebody deletes the function.
    Remove(usize),
    /// All status is wiped.
    Wipe,
    /// An object is deleted.
    Delete(usize, DeletionPolicy),
    /// It is applied again, if it is gone.
    Apply(usize),
    /// The operator is killed after so many steps.
    Kill(u32),
    /// The next deploy's answer or effect is lost.
    Lose(Loss),
    /// Lists stay as they are now, for so many seconds.
    Stale(u64),
    /// The platform answers 503, for so many seconds.
    Outage(u64),
    /// The next requests are put off.
    Defer(u32),
    /// The computer's clock is set: so many minutes from the right time.
    Clock(i64),
}

pub(crate) const NAMES: [&str; 3] = ["first", "second", "rival"];
const SLUGS: [&str; 2] = ["first", "second"];

/// The objects, as they are applied: a lower and a higher wave, and a rival for the second one's slug.
pub(crate) fn specs() -> [(&'static str, Value); 3] {
    let spec = |slug: &str, wave: i32| {
        json!({
            "platformRef": { "name": "prod" }, "slug": slug, "wave": wave, "verifyJWT": false,
            "source": { "kind": "ConfigMap", "name": "functions" },
            "checks": [{ "name": "health", "expectStatus": [200] }],
        })
    };
    [
        ("first", spec("first", 0)),
        ("second", spec("second", 1)),
        ("rival", spec("second", 1)),
    ]
}

pub(crate) fn acts() -> impl Strategy<Value = Act> {
    let object = || 0..NAMES.len();
    let slug = || 0..SLUGS.len();
    let mode = prop_oneof![3 => Just(Mode::Enforce), 2 => Just(Mode::Apply), 1 => Just(Mode::Observe)];
    let loss = prop_oneof![
        Just(Loss::Answer),
        Just(Loss::Effect),
        (1..55_u64).prop_map(|late| Loss::Late(Duration::from_secs(late))),
    ];
    let policy = prop_oneof![Just(DeletionPolicy::Retain), Just(DeletionPolicy::Delete)];
    let adoption = prop_oneof![Just(AdoptionPolicy::IfIdentical), Just(AdoptionPolicy::Always)];
    prop_oneof![
        8 => (1..400_u64).prop_map(Act::Wait),
        1 => (1_000..8_000_u64).prop_map(Act::Wait),
        6 => (slug(), 0..6_usize).prop_map(|(slug, text)| Act::Source(slug, text)),
        2 => (object(), mode).prop_map(|(object, mode)| Act::Mode(object, mode)),
        2 => (object(), any::<bool>()).prop_map(|(object, jwt)| Act::Jwt(object, jwt)),
        1 => (object(), 0..3_i32).prop_map(|(object, wave)| Act::Wave(object, wave)),
        1 => (object(), any::<bool>()).prop_map(|(object, suspend)| Act::Suspend(object, suspend)),
        1 => (object(), adoption).prop_map(|(object, policy)| Act::Adopt(object, policy)),
        1 => (object(), any::<u64>()).prop_map(|(object, value)| Act::Ask(object, value)),
        5 => (slug(), 0..8_usize, any::<Option<bool>>()).prop_map(|(slug, text, jwt)| Act::Deploy(slug, text, jwt)),
        2 => (slug(), any::<bool>()).prop_map(|(slug, jwt)| Act::Patch(slug, jwt)),
        1 => slug().prop_map(Act::Remove),
        1 => Just(Act::Wipe),
        1 => (object(), policy).prop_map(|(object, policy)| Act::Delete(object, policy)),
        2 => object().prop_map(Act::Apply),
        4 => (0..30_u32).prop_map(Act::Kill),
        3 => loss.prop_map(Act::Lose),
        2 => (1..60_u64).prop_map(Act::Stale),
        1 => (1..2_000_u64).prop_map(Act::Outage),
        1 => (1..4_u32).prop_map(Act::Defer),
        2 => (-30..31_i64).prop_map(Act::Clock),
    ]
}

/// Lets one thing happen, and what is due at once.
pub(crate) fn act(fleet: &mut Fleet, act: &Act) {
    let now = fleet.outside.now;
    let named = |fleet: &Fleet, object: usize| fleet.find(NAMES[object]);
    match *act {
        Act::Wait(seconds) => fleet.run(now + Duration::from_secs(seconds), 2_000),
        Act::Source(slug, text) => {
            fleet.set_source(SLUGS[slug], text);
        }
        Act::Mode(object, mode) => {
            // Who gives a slug up with a deploy on its way leaves the next owner to be overtaken by it.
            let gives_up = |at: &usize| mode == Mode::Observe && is_sending(&fleet.objects[*at].object);
            with(fleet, named(fleet, object).filter(|at| !gives_up(at)), |spec| {
                spec.mode = mode;
            });
        }
        Act::Jwt(object, jwt) => with(fleet, named(fleet, object), |spec| spec.verify_jwt = jwt),
        Act::Wave(object, wave) => with(fleet, named(fleet, object), |spec| spec.wave = wave),
        Act::Suspend(object, suspend) => with(fleet, named(fleet, object), |spec| spec.suspend = suspend),
        Act::Adopt(object, policy) => with(fleet, named(fleet, object), |spec| spec.adoption_policy = policy),
        Act::Ask(object, value) => {
            if let Some(at) = named(fleet, object) {
                fleet.change(at, |object| {
                    let annotations = object.metadata.annotations.get_or_insert_default();
                    annotations.insert(ace_api::ANNOTATION_RECONCILE_AT.to_owned(), value.to_string());
                });
            }
        }
        Act::Deploy(slug, text, jwt) => fleet.outside.foreign(SLUGS[slug], text, jwt),
        Act::Patch(slug, jwt) => {
            fleet.outside.patch(SLUGS[slug], jwt);
        }
        Act::Remove(slug) => {
            let _ = fleet.outside.state.delete(PROJECT, SLUGS[slug]);
        }
        Act::Wipe => {
            // An intent that nobody remembers is a deploy that nobody can wait for: that is not promised.
            for at in 0..fleet.objects.len() {
                if !is_sending(&fleet.objects[at].object) {
                    fleet.change(at, |object| object.status = None);
                }
            }
        }
        Act::Delete(object, policy) => {
            let sending = |at: &usize| is_sending(&fleet.objects[*at].object);
            if let Some(at) = named(fleet, object).filter(|at| !sending(at)) {
                if policy == DeletionPolicy::Retain {
                    fleet.remove(at);
                } else {
                    fleet.change(at, |object| {
                        object.spec.deletion_policy = policy;
                        object.metadata.deletion_timestamp = Some(Time(now));
                    });
                }
            }
        }
        Act::Apply(object) => {
            let (name, spec) = &specs()[object];
            fleet.apply(name, spec);
        }
        Act::Kill(steps) => fleet.kill_in = Some(steps),
        Act::Lose(loss) => fleet.outside.loss = Some(loss),
        Act::Stale(seconds) => {
            let records = fleet
                .outside
                .state
                .list(PROJECT)
                .unwrap()
                .into_iter()
                .cloned()
                .collect();
            fleet.outside.stale = Some((records, now + Duration::from_secs(seconds)));
        }
        Act::Outage(seconds) => fleet.outside.outage_until = now + Duration::from_secs(seconds),
        Act::Defer(requests) => fleet.outside.deferrals = requests,
        Act::Clock(minutes) => {
            // What passed until now is counted by the clock as it was.
            fleet.now();
            fleet.outside.ahead = SignedDuration::from_mins(minutes);
        }
    }
}

fn is_sending(object: &EdgeFunction) -> bool {
    object.status.as_ref().is_some_and(|status| status.intent.is_some())
}

fn with(fleet: &mut Fleet, at: Option<usize>, change: impl FnOnce(&mut ace_api::EdgeFunctionSpec)) {
    if let Some(at) = at {
        fleet.change(at, |object| change(&mut object.spec));
    }
}
