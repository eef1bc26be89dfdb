//! Asks the rules: beside the passes, and without one for each turn. It takes what is due, keeps what each rule's last turns have
//! shown, and enqueues a rule only when its status would differ. After a start a rule's status is what is known of it.

mod objects;
mod readers;
mod rules;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ace_api::{AlertRule, AlertRuleReason, Platform, Signal, SignalName};
use ace_domain::{
    kinds::{
        alert_rule::{self, Answer, Cause, Measured, Record, checked},
        platform,
    },
    reconcile::{key::Key, timing::Timing},
};
use ace_runtime::{
    clock,
    index::{Dependents, ObjectId},
};
use ace_signals::Asking;
use jiff::Timestamp;
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{caches::Caches, connections::PlatformConnections, metrics::Metrics};

pub use objects::Objects;
pub use readers::ReaderSettings;

use readers::{Asked, Readers};
use rules::{Rules, Turn};

/// Asks the rules of all Platforms.
pub struct Evaluator {
    rules: Mutex<Rules>,
    changed: Notify,
    /// By Platform.
    readers: Mutex<HashMap<Key, Arc<Readers>>>,
    settings: ReaderSettings,
    objects: Objects,
    connections: Arc<PlatformConnections>,
    caches: Caches,
    dependents: Dependents,
    metrics: Metrics,
    timing: Timing,
}

impl Evaluator {
    pub fn new(
        settings: ReaderSettings,
        objects: Objects,
        connections: Arc<PlatformConnections>,
        caches: Caches,
        dependents: Dependents,
        metrics: Metrics,
        timing: Timing,
    ) -> Self {
        Self {
            rules: Mutex::new(Rules::new(timing)),
            changed: Notify::new(),
            readers: Mutex::default(),
            settings,
            objects,
            connections,
            caches,
            dependents,
            metrics,
            timing,
        }
    }

    /// What is known of a rule, which is asked from now on as it is; or not at all, if it `is_asked` no longer.
    pub fn follow(&self, object: &AlertRule, is_asked: bool, now: Timestamp) -> (Option<Record>, Timestamp) {
        let followed = self.rules().follow(object, is_asked, now);
        self.changed.notify_one();
        if !is_asked {
            self.drop_unused();
        }
        followed
    }

    /// The rule is gone.
    pub fn forget(&self, key: &Key) {
        self.rules().forget(key);
        self.drop_unused();
    }

    /// The last values of all rules.
    pub fn measured(&self) -> Vec<(Key, Measured)> {
        self.rules().measured()
    }

    /// Asks until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut turns = JoinSet::new();
        while !stop.is_cancelled() {
            let now = clock::now();
            let due = self.rules().take(now);
            for turn in due {
                let evaluator = self.clone();
                turns.spawn(async move { evaluator.turn(turn).await });
            }
            while let Some(ended) = turns.try_join_next() {
                if let Err(error) = ended {
                    tracing::error!(%error, "internal error: a turn of a rule ended early");
                }
            }
            let wait = self.rules().wait(clock::now());
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.changed.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        // Sessions end with their connections: what is asked at this moment is not waited for.
        turns.shutdown().await;
    }

    async fn turn(&self, turn: Turn) {
        let answer = self.answer(&turn).await;
        let source = turn.object.spec.source.name();
        let outcome = match &answer {
            None => "Skipped",
            Some((Ok(_), _)) => "Answered",
            Some((Err(_), _)) => "Failed",
        };
        self.metrics.evaluated(source, outcome);
        let is_news = match answer {
            None => self.rules().skipped(&turn, clock::now()),
            Some((answer, shape)) => self.rules().answered(&turn, &answer, shape, clock::now()),
        };
        if is_news {
            self.dependents.wake(&ObjectId::of::<alert_rule::Kind>(turn.key));
        }
        // What was edited meanwhile may be due.
        self.changed.notify_one();
    }

    /// What a turn brings; nothing where it comes too late. With the columns of its query.
    async fn answer(&self, turn: &Turn) -> Option<(Answer, Option<ace_database::Shape>)> {
        let spec = &turn.object.spec;
        let platform = Key::beside(turn.object.as_ref(), &spec.platform_ref.name);
        if turn.is_late(self.timing, clock::now()) {
            return None;
        }
        let object = self.caches.platform(&platform)?;
        if let Some(signal) = &spec.source.signal {
            let answer = match signal.name {
                SignalName::ObjectCondition => Ok(self.objects.count(&platform, &signal.matching)),
                _ => self.over_http(&object, signal).await,
            };
            return Some((answer.and_then(|rows| checked(spec, rows)), None));
        }
        let sql = spec.source.sql.as_ref()?;
        let readers = match Readers::of(&mut self.readers(), &object) {
            Ok(readers) => readers,
            Err(cause) => return Some((Err(cause), None)),
        };
        let question = ace_database::Question::of(sql, spec);
        match readers.ask(&self.settings, &question, turn, self.timing).await {
            Asked::Late => None,
            Asked::Failed(cause) => Some((Err(cause), None)),
            Asked::Rows(rows, shape) => Some((checked(spec, rows), Some(shape))),
        }
    }

    /// Asks the project's gateway or the Management API.
    async fn over_http(&self, platform: &Platform, signal: &Signal) -> Answer {
        let connection = self.connections.to(&Key::of(platform), &platform::project(platform));
        let clients = connection.and_then(|connection| connection.clients());
        let asking = clients.as_ref().map(|clients| Asking {
            client: &clients.client,
            gateway: &clients.gateway,
            anon: clients.anon.as_ref(),
        });
        let answer = match asking {
            Some(asking) => asking.ask(signal, clock::now()).await,
            None => None,
        };
        answer.unwrap_or_else(|| {
            let message = "the project can't be asked yet: the Platform is not Ready";
            Err(Cause::new(AlertRuleReason::QueryFailed, message))
        })
    }

    /// Closes sessions that no rule needs any more.
    fn drop_unused(&self) {
        let used = self.rules().platforms();
        self.readers().retain(|platform, _| used.contains(platform));
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn readers(&self) -> MutexGuard<'_, HashMap<Key, Arc<Readers>>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
