//! The tenant whose changes are timed.

use std::time::{Duration, Instant};

use ace_api::EdgeFunction;
use ace_tests::{Project, TestBed, is_current, is_true, pack};
use kube::{Client, api::DynamicObject, runtime::wait::await_condition};
use serde_json::{Value, json};
use tokio::{
    sync::watch::Receiver,
    time::{sleep, timeout},
};

use crate::{phase::Phase, place::Place};

/// Between two changes.
const PAUSE: Duration = Duration::from_secs(2);
/// A change that takes longer counts as so long.
const PATIENCE: Duration = Duration::from_mins(5);
const NAME: &str = "good";
const TREE: &str = "tree";

pub struct Good {
    place: Place,
    revision: Option<String>,
    count: usize,
}

/// How long a change took, from the new source to Ready.
pub struct Change {
    /// When it began.
    pub phase: Phase,
    pub time: Duration,
    pub is_ready: bool,
}

impl Good {
    /// A function that is Ready.
    pub async fn create(bed: &TestBed, client: &Client) -> Self {
        let project = Project::create(bed.bed.file()).await;
        let place = Place::create(client, NAME).await;
        let secret = json!({ "token": project.token, "anon": project.anon_key });
        place.secret("supabase", "token.anon-key", secret).await;
        let spec = json!({
            "project": project.reference,
            "url": project.gateway,
            "api": { "url": bed.bed.file().api_url, "tokenSecretRef": { "name": "supabase", "key": "token" } },
            "anonKeySecretRef": { "name": "supabase", "key": "anon" },
            "interval": "1m",
        });
        place.platform("prod", spec).await;
        let mut good = Self {
            place,
            revision: None,
            count: 0,
        };
        good.source().await;
        let spec = json!({
            "platformRef": { "name": "prod" },
            "source": { "kind": "ConfigMap", "name": TREE },
            "verifyJWT": false,
            "checks": [{ "name": "answers", "expectStatus": [200] }],
        });
        good.place.function(NAME, spec).await;
        assert!(
            good.becomes_ready().await,
            "the good tenant's function is Ready at first"
        );
        good
    }

    async fn source(&mut self) {
        self.count += 1;
        let text = format!("Deno.serve(() => new Response(\"{}\"));\n", self.count);
        let archive = pack(&[(&format!("{NAME}/index.ts"), &text)]);
        self.place.tree(TREE, &archive, true).await;
    }

    /// Waits until other content than the last is live and proven.
    async fn becomes_ready(&mut self) -> bool {
        let old = self.revision.clone();
        let is_new = move |function: &Value| {
            let status = &function["status"];
            let revision = status["source"]["revision"].as_str();
            revision.is_some()
                && revision != old.as_deref()
                && status["proven"]["revision"].as_str() == revision
                && is_true(function, "Ready")
                && is_current(function)
        };
        let condition = |object: Option<&DynamicObject>| {
            let function = object.and_then(|object| serde_json::to_value(object).ok());
            function.is_some_and(|function| is_new(&function))
        };
        let wait = async {
            // A watch that breaks is begun again.
            loop {
                if let Ok(Some(function)) =
                    await_condition(self.place.untyped::<EdgeFunction>(), NAME, &condition).await
                {
                    return function.data["status"]["source"]["revision"]
                        .as_str()
                        .map(str::to_owned);
                }
                sleep(Duration::from_millis(100)).await;
            }
        };
        let seen = timeout(PATIENCE, wait).await.ok().flatten();
        let is_ready = seen.is_some();
        self.revision = seen.or_else(|| self.revision.take());
        is_ready
    }

    /// Changes it again and again, until the run is over.
    pub async fn changes(mut self, phases: Receiver<Phase>) -> Vec<Change> {
        let mut changes = Vec::new();
        loop {
            let phase = *phases.borrow();
            if phase == Phase::Over {
                return changes;
            }
            let began = Instant::now();
            self.source().await;
            let is_ready = self.becomes_ready().await;
            changes.push(Change {
                phase,
                time: began.elapsed(),
                is_ready,
            });
            sleep(PAUSE).await;
        }
    }
}
