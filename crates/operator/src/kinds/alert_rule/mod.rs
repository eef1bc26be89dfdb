//! `AlertRule`: a condition on the live platform. It is asked by the evaluator; here its status is written.

use std::sync::Arc;

use ace_api::{AlertRule, NotificationChannel};
use ace_domain::{
    inputs::PlatformFacts as _,
    kinds::{
        alert_rule::{self, Channel, Platform, PlatformState, State},
        notification_channel,
    },
    reconcile::{annotations::is_leaving, key::Key, kind::NoStep, timing::Timing},
};
use ace_runtime::reconcile::Controller;
use jiff::Timestamp;
use kube::{ResourceExt, core::DeserializeGuard, runtime::reflector::Store};

use crate::{
    caches::{Caches, beside},
    evaluator::Evaluator,
};

/// The controller's kind.
pub struct AlertRules {
    pub caches: Caches,
    pub channels: Store<DeserializeGuard<NotificationChannel>>,
    pub evaluator: Arc<Evaluator>,
    pub timing: Timing,
}

impl Controller for AlertRules {
    type Kind = alert_rule::Kind;
    type Context = ();

    async fn observe(&self, object: &AlertRule, (): (), _failures: u32, now: Timestamp) -> (State, ()) {
        let platform = self
            .caches
            .platform(&Key::beside(object, &object.spec.platform_ref.name));
        let platform = platform.as_ref().map_or(PlatformState::Absent, |platform| {
            PlatformState::Present(Platform::of(platform))
        });
        let (record, followed) = self.evaluator.follow(object, is_asked(object, &platform), now);
        let state = State {
            timing: self.timing,
            memo: object.status.clone().unwrap_or_default(),
            platform,
            channels: self.channels(object),
            record,
            followed,
        };
        (state, ())
    }

    async fn act(&self, _: &AlertRule, _: &State, (): &(), step: &NoStep) -> Result<(), NoStep> {
        match *step {}
    }

    fn forget(&self, key: &Key) {
        self.evaluator.forget(key);
    }
}

impl AlertRules {
    fn channels(&self, object: &AlertRule) -> Vec<Channel> {
        let channels = beside::<notification_channel::Kind>(&self.caches.dependents, &self.channels, object);
        let own = channels.iter().filter_map(|channel| channel.0.as_ref().ok());
        own.map(|channel| Channel {
            name: channel.name_any(),
            is_default: channel.spec.default,
            handled: notification_channel::handled(channel, &object.name_any()).cloned(),
        })
        .collect()
    }
}

/// There is somebody to ask, and nobody asks for silence.
fn is_asked(object: &AlertRule, platform: &PlatformState) -> bool {
    let PlatformState::Present(platform) = platform else {
        return false;
    };
    let has_obstacle = platform.obstacle.is_some() && object.spec.source.sql.is_some();
    !object.spec.suspend && !is_leaving(object) && !platform.is_suspended() && !has_obstacle
}
