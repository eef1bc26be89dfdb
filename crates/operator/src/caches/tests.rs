//! Who claims a slug.

use std::{num::NonZeroU32, sync::Arc};

use ace_api::{EdgeFunction, Platform};
use ace_domain::{
    kinds::{
        edge_function::{self, ProjectAccess},
        platform,
    },
    reconcile::{
        dependency::{Dependency, Fact},
        key::Key,
        kind::Kind,
    },
};
use ace_egress::{AllowedHosts, Token, Url};
use ace_runtime::{
    clock,
    index::{Dependents, ObjectId},
    testing::{Answer, Server, server},
};
use ace_supabase::{Client, Deadlines, Http, Limits, Priority};
use jiff::Timestamp;
use kube::{
    core::DeserializeGuard,
    runtime::{
        reflector::{self, store::Writer},
        watcher::Event,
    },
};
use serde_json::json;

use super::Caches;
use crate::connections::{PlatformConnection, PlatformConnections};

const PROJECT: &str = "abcdefghijklmnopqrst";

/// The Platform of another namespace, whose EdgeFunction is the older one, and the Platform of those who deploy the function.
struct Fixture {
    caches: Caches,
    platforms: Writer<DeserializeGuard<Platform>>,
    connections: PlatformConnections,
    own: EdgeFunction,
}

fn fixture(api: &str) -> Fixture {
    let (platforms, mut writer) = reflector::store();
    let (functions, mut function_writer) = reflector::store();
    let caches = Caches {
        platforms,
        functions,
        dependents: Dependents::new().0,
    };
    let (older, own) = (function("older", 10), function("own", 20));
    for function in [&older, &own] {
        let id = ObjectId::of::<edge_function::Kind>(Key::of(function));
        let references = edge_function::Kind::references(function);
        caches.dependents.apply(&id, references, Vec::new());
        function_writer.apply_watcher_event(&Event::Apply(DeserializeGuard(Ok(function.clone()))));
    }
    let own_platform = platform("own", api, 1);
    apply(&caches, &mut writer, &own_platform);
    Fixture {
        caches,
        platforms: writer,
        connections: PlatformConnections::default(),
        own,
    }
}

impl Fixture {
    /// The Platform of the older function is written, or edited.
    fn apply(&mut self, platform: &Platform) {
        apply(&self.caches, &mut self.platforms, platform);
    }

    /// The connection of a Platform, as its pass takes it.
    fn connection(&self, object: &Platform) -> Arc<PlatformConnection> {
        let create = || PlatformConnection::new("uid", NonZeroU32::MIN, Timestamp::UNIX_EPOCH);
        self.connections
            .of(&Key::of(object), "uid", platform::project(object), create)
    }

    /// A pass over a Platform has ended.
    fn checked(&self, object: &Platform) {
        let key = Key::of(object);
        let message = (Dependency::PlatformMessage(key.clone()), Fact::is("as it is"));
        let id = ObjectId::of::<platform::Kind>(key);
        self.caches.dependents.publish(&id, vec![message]);
    }

    /// Whether the older function has access, if it is a rival.
    fn access(&self) -> Option<ProjectAccess> {
        let claimants = self.caches.claimants(&self.own, &self.connections);
        let older = claimants.iter().find(|claimant| claimant.uid == "older");
        older.map(|claimant| claimant.access)
    }
}

#[tokio::test]
async fn a_list_of_another_address_is_no_evidence_for_a_slug_of_this_one() {
    let server = server(|_| Answer::json(&json!([]))).await;
    let mut fixture = fixture("https://api.supabase.com");
    let elsewhere = platform("older", &server.url(), 1);
    fixture.apply(&elsewhere);
    list(&fixture.connection(&elsewhere), &server).await;
    fixture.checked(&elsewhere);
    assert_eq!(fixture.access(), None, "it is no rival");
    // Its address is edited to the one where others deploy.
    let mut edited = platform("older", "https://api.supabase.com", 2);
    edited.status = counted(1);
    fixture.apply(&edited);
    assert_eq!(fixture.access(), Some(ProjectAccess::Unasked));
    let connection = fixture.connection(&edited);
    fixture.checked(&edited);
    assert_eq!(fixture.access(), Some(ProjectAccess::Refused));
    // Only what is listed at this address counts, in this process or in the one before.
    list(&connection, &server).await;
    assert_eq!(fixture.access(), Some(ProjectAccess::Listed));
    fixture.connections.forget(&Key::of(&edited));
    assert_eq!(fixture.access(), Some(ProjectAccess::Unasked));
    edited.status = counted(2);
    fixture.apply(&edited);
    assert_eq!(fixture.access(), Some(ProjectAccess::Listed));
}

async fn list(connection: &PlatformConnection, server: &Server) {
    let hosts = AllowedHosts::parse([server.url()]).unwrap();
    let http = Http::new(hosts, Deadlines::default(), Limits::default()).unwrap();
    let token = Token::new("sbp_0123456789abcdef0123456789abcdef01234567").unwrap();
    let base = Url::parse(&server.url()).unwrap();
    let client = Client::new(&http, base, token, PROJECT.parse().unwrap(), connection.budget());
    connection.list(&client, Priority::Poll, clock::now()).await.unwrap();
}

fn apply(caches: &Caches, writer: &mut Writer<DeserializeGuard<Platform>>, object: &Platform) {
    let id = ObjectId::of::<platform::Kind>(Key::of(object));
    let references = platform::Kind::references(object);
    caches.dependents.apply(&id, references, Vec::new());
    writer.apply_watcher_event(&Event::Apply(DeserializeGuard(Ok(object.clone()))));
}

fn platform(namespace: &str, api: &str, generation: i64) -> Platform {
    let spec = json!({
        "project": PROJECT,
        "api": { "url": api, "tokenSecretRef": { "name": "supabase", "key": "token" } },
    });
    let metadata = json!({ "name": "prod", "namespace": namespace, "uid": "uid", "generation": generation });
    serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
}

/// The status after a list for this generation.
fn counted(generation: i64) -> Option<ace_api::PlatformStatus> {
    let functions = json!({ "managed": 0, "unmanagedCount": 0, "unmanaged": [] });
    serde_json::from_value(json!({ "observedGeneration": generation, "functions": functions })).unwrap()
}

fn function(namespace: &str, created: i64) -> EdgeFunction {
    let created = Timestamp::from_second(created).unwrap();
    let metadata = json!({ "name": "hello", "namespace": namespace, "uid": namespace, "creationTimestamp": created });
    let spec = json!({
        "platformRef": { "name": "prod" },
        "source": { "kind": "ConfigMap", "name": "code" },
        "verifyJWT": true,
    });
    serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
}
