//! Events of events.k8s.io: what happened to an object, for `kubectl describe` and `kubectl events`.
//!
//! Not kube's `Recorder`: that one ignores the note when it counts a repeated event, so that after a first failure every
//! further one shows the note of the first. Here another note is another event.
//!
//! Publishing never waits and never fails: the status has the same information.

mod series;

#[cfg(test)]
mod tests;

use std::time::Duration;

use ace_api::clipped;
use ace_domain::reconcile::event::EventType;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, Client, Error};
use serde_json::json;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

use series::{Act, Series};

/// The `reportingController` of every event.
const CONTROLLER: &str = "ops.mobulace.com/ace-operator";
/// Most events that wait to be written. An outage of the platform publishes as many at once as there are objects.
const QUEUE: usize = 1_024;
/// Longest note, in bytes: the API server refuses what exceeds 1 kB.
const NOTE: usize = 1_024;
/// Longest reason, action and instance, in bytes.
const WORD: usize = 128;
/// Deadline of one write.
const WRITE: Duration = Duration::from_secs(10);
/// Deadline for the queued events at shutdown.
const DRAIN: Duration = Duration::from_secs(2);
/// Longest part of an object's name in the name of its event, which may have 253 bytes.
const NAME: usize = 200;

/// Publishes events. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Events {
    queue: Sender<Publication>,
    metrics: Metrics,
}

/// Writes events, one after another.
pub struct Publisher {
    client: Client,
    queue: Receiver<Publication>,
    instance: String,
    series: Series,
    metrics: Metrics,
    /// Number of created events: distinguishes those of one instant by name.
    created: u8,
}

/// One event as it was published.
#[derive(Clone, Debug)]
struct Publication {
    regarding: ObjectReference,
    type_: EventType,
    reason: String,
    action: String,
    note: String,
}

impl Events {
    /// A pair of which the second must be run. `instance` distinguishes processes, as the pod's name does.
    pub fn new(client: Client, instance: &str, metrics: Metrics) -> (Self, Publisher) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let publisher = Publisher {
            client,
            queue,
            instance: clipped(instance, WORD),
            series: Series::default(),
            metrics: metrics.clone(),
            created: 0,
        };
        (Self { queue: sender, metrics }, publisher)
    }

    /// Publishes an event. `reason` is a CamelCase word of a closed set, such as `DriftDetected`; `action` is what the operator
    /// did, such as `Deploy`; `note` is one sentence, cut to 1 kB. Never waits.
    pub fn publish(&self, regarding: ObjectReference, type_: EventType, reason: &str, action: &str, note: &str) {
        let publication = Publication {
            regarding,
            type_,
            reason: clipped(reason, WORD),
            action: clipped(action, WORD),
            note: clipped(note, NOTE),
        };
        if self.queue.try_send(publication).is_err() {
            self.metrics.event_dropped("QueueFull");
        }
    }
}

impl Publisher {
    /// Writes events until `stop`, and then the queued ones for at most two seconds.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let next = self.series.next_count();
            let counting = async {
                match next {
                    Some(next) => sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = counting => self.count().await,
                publication = self.queue.recv() => match publication {
                    Some(publication) => self.write(publication).await,
                    None => break,
                },
            }
        }
        self.queue.close();
        let end = Instant::now() + DRAIN;
        while let Some(publication) = self.queue.recv().await {
            if timeout_at(end, self.write(publication)).await.is_err() {
                self.metrics.event_dropped("Stopping");
            }
        }
    }

    async fn write(&mut self, publication: Publication) {
        match self.series.publish(&publication, Instant::now()) {
            Act::Create => self.create(publication).await,
            Act::Nothing => {}
            Act::Drop => self.metrics.event_dropped("Spam"),
        }
    }

    async fn create(&mut self, publication: Publication) {
        let now = Timestamp::now();
        self.created = self.created.wrapping_add(1);
        let event = event(&publication, &self.instance, now, self.created);
        let (namespace, name) = (
            event.metadata.namespace.clone().unwrap_or_default(),
            event.metadata.name.clone().unwrap_or_default(),
        );
        let written = timeout(WRITE, self.api(&namespace).create(&PostParams::default(), &event)).await;
        match written {
            Ok(Ok(_)) => self.series.created(&publication, &namespace, &name, Instant::now()),
            failed => self.failed(failed.ok().and_then(Result::err).as_ref(), &publication),
        }
    }

    /// Writes the counts of events that were published again.
    async fn count(&mut self) {
        for count in self.series.counts(Instant::now()) {
            let patch = json!({ "series": {
                "count": count.times,
                "lastObservedTime": MicroTime(Timestamp::now()),
            }});
            let events = self.api(&count.namespace);
            let params = PatchParams::default();
            // A count that is not written is not lost: the next one includes it. If the event does not exist any more (the API
            // server keeps it for an hour), the next one is created again.
            match timeout(WRITE, events.patch(&count.name, &params, &Patch::Merge(&patch))).await {
                Ok(Ok(_)) => {}
                Ok(Err(Error::Api(status))) if status.is_not_found() => self.series.forget(&count.name),
                _ => tracing::debug!(event = count.name, "event count could not be updated"),
            }
        }
    }

    fn failed(&mut self, error: Option<&Error>, publication: &Publication) {
        let code = match error {
            Some(Error::Api(status)) => Some(status.code),
            _ => None,
        };
        self.metrics
            .event_dropped(if code.is_some() { "Refused" } else { "Unanswered" });
        tracing::debug!(
            code,
            reason = publication.reason,
            namespace = publication.regarding.namespace,
            name = publication.regarding.name,
            "event could not be created"
        );
    }

    fn api(&self, namespace: &str) -> Api<Event> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

fn event(publication: &Publication, instance: &str, now: Timestamp, number: u8) -> Event {
    // An event is in the namespace of its object; an object without a namespace has its events in `default`.
    let namespace = publication
        .regarding
        .namespace
        .clone()
        .unwrap_or_else(|| "default".to_owned());
    let object = publication.regarding.name.as_deref().unwrap_or("unnamed");
    let (object, _) = object.split_at(object.floor_char_boundary(NAME));
    let object = object.trim_end_matches(['.', '-']);
    let type_ = match publication.type_ {
        EventType::Normal => "Normal",
        EventType::Warning => "Warning",
    };
    Event {
        metadata: ObjectMeta {
            namespace: Some(namespace),
            name: Some(format!("{object}.{:x}{number:02x}", now.as_microsecond())),
            ..ObjectMeta::default()
        },
        action: Some(publication.action.clone()),
        event_time: Some(MicroTime(now)),
        note: Some(publication.note.clone()),
        reason: Some(publication.reason.clone()),
        regarding: Some(publication.regarding.clone()),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(instance.to_owned()),
        type_: Some(type_.to_owned()),
        ..Event::default()
    }
}
