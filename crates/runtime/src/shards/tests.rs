//! Two shards with a project each, of which this process has the one or the other.

use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use ace_domain::reconcile::{dependency::Dependency, key::Key, shard, timing::Timing};
use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::Shards;
use crate::{
    index::{Dependents, ObjectId},
    leases::{Assigner, Fence, Holding, assigned, since_boot},
    metrics::Metrics,
    queue::Class,
    reconcile::{Due, Runner, Scheduler},
};

const SHARDS: shard::Shards = shard::Shards::new(NonZeroU32::new(2).unwrap());

/// Passes of this process wait for `go_on`.
struct Fixture {
    dependents: Dependents,
    scheduler: Scheduler,
    assigner: Assigner,
    fences: [Fence; 2],
    began: Arc<Mutex<Vec<String>>>,
    ended: Arc<Mutex<Vec<String>>>,
    departed: Arc<Mutex<Vec<String>>>,
    go_on: Arc<Semaphore>,
}

fn key(name: &str) -> Key {
    Key {
        namespace: "ace".to_owned(),
        name: name.to_owned(),
    }
}

fn function(name: &str) -> ObjectId {
    let kind = "Function";
    ObjectId { kind, key: key(name) }
}

fn platform(name: &str) -> ObjectId {
    let kind = "Platform";
    ObjectId { kind, key: key(name) }
}

/// A project of this shard.
fn project(shard: u32) -> Dependency {
    let project = |number: u32| Dependency::Project {
        api: "https://api.supabase.com:443".to_owned(),
        project: format!("project-{number}"),
    };
    let is_there = |project: &Dependency| SHARDS.of(&[project.clone()].into(), |_| None) == shard;
    (0..100).map(project).find(is_there).unwrap()
}

/// With a Platform and a function in each shard, called by its number.
fn fixture() -> Fixture {
    let dependents = Dependents::divided(SHARDS).0;
    for shard in 0..2 {
        let (name, dependency) = (format!("in-{shard}"), Dependency::Platform(key(&format!("in-{shard}"))));
        dependents.apply(&platform(&name), vec![project(shard)], Vec::new());
        dependents.apply(&function(&name), vec![dependency], Vec::new());
    }
    let (began, ended) = <(Arc<Mutex<Vec<String>>>, Arc<Mutex<Vec<String>>>)>::default();
    let departed = Arc::<Mutex<Vec<String>>>::default();
    let go_on = Arc::new(Semaphore::new(0));
    let noted = (began.clone(), ended.clone(), go_on.clone());
    let runner: Runner = Box::new(move |key| {
        let (began, ended, go_on) = noted.clone();
        async move {
            began.lock().unwrap().push(key.name.clone());
            go_on.acquire().await.unwrap().forget();
            ended.lock().unwrap().push(key.name);
            Due::ON_CHANGE
        }
        .boxed()
    });
    let noted = departed.clone();
    let scheduler = Scheduler::new(dependents.clone(), Timing::default());
    let cut = scheduler.clone();
    let depart = move |key: &Key| {
        cut.cut(&function(&key.name));
        noted.lock().unwrap().push(key.name.clone());
    };
    dependents.on_departure("Function", Arc::new(depart));
    let (competes, assigned) = assigned(Holding::default());
    let cached = || ["in-0", "in-1"].map(|name| (function(name), Class::StartUp)).to_vec();
    let shards = Shards {
        assigned,
        dependents: dependents.clone(),
        scheduler: scheduler.clone(),
        metrics: Metrics::new("1.2.3"),
        cached: vec![Box::new(cached)],
    };
    tokio::spawn(shards.follow());
    let runners = HashMap::from([("Function", runner)]);
    tokio::spawn(scheduler.clone().run(runners, CancellationToken::new()));
    let fence = |epoch| Fence::new(epoch, since_boot() + Duration::from_hours(1));
    Fixture {
        dependents,
        scheduler,
        assigner: competes,
        fences: [fence(7), fence(9)],
        began,
        ended,
        departed,
        go_on,
    }
}

impl Fixture {
    /// These shards are this process's, each with whether it is being let go.
    fn holds(&self, shards: &[(u32, bool)]) {
        let mut holding = Holding::default();
        let fences: BTreeMap<u32, &Fence> = (0..).zip(&self.fences).collect();
        for (shard, is_leaving) in shards {
            holding.hold(*shard, fences[shard].clone(), *is_leaving);
        }
        self.assigner.show(holding);
    }

    /// What happened since, once nothing happens any more.
    async fn news(&self, of: &Mutex<Vec<String>>) -> Vec<String> {
        // The clock of these tests goes on by itself when everybody waits.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let mut news = std::mem::take(&mut *of.lock().unwrap());
        news.sort();
        news
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_gets_a_first_pass_and_of_the_rest_nothing_is_done_or_kept() {
    let fixture = fixture();
    fixture.go_on.add_permits(100);
    fixture.scheduler.wake(&function("in-0"), Class::Change);
    assert_eq!(fixture.news(&fixture.began).await, [""; 0], "it has none");
    fixture.holds(&[(1, false)]);
    assert_eq!(fixture.news(&fixture.began).await, ["in-1"]);
    for name in ["in-0", "in-1"] {
        fixture.scheduler.wake(&function(name), Class::Change);
    }
    assert_eq!(fixture.news(&fixture.began).await, ["in-1"]);
    fixture.holds(&[(0, false), (1, false)]);
    assert_eq!(fixture.news(&fixture.began).await, ["in-0"]);
    assert_eq!(fixture.scheduler.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_shard_is_let_go_when_its_passes_have_ended_and_nothing_begins_meanwhile() {
    let mut fixture = fixture();
    fixture.holds(&[(0, false), (1, false)]);
    assert_eq!(fixture.news(&fixture.began).await, ["in-0", "in-1"]);
    fixture.holds(&[(0, true), (1, false)]);
    fixture.scheduler.wake(&function("in-0"), Class::Change);
    assert_eq!(fixture.news(&fixture.began).await, [""; 0]);
    assert_eq!(fixture.assigner.drained().now_or_never(), None, "its pass goes on");
    assert_eq!(fixture.news(&fixture.departed).await, [""; 0]);
    fixture.go_on.add_permits(2);
    assert_eq!(fixture.news(&fixture.ended).await, ["in-0", "in-1"]);
    assert_eq!(fixture.assigner.drained().now_or_never(), Some(Some(0)));
    assert_eq!(fixture.news(&fixture.departed).await, ["in-0"]);
    // Once it is another's, and when it comes back.
    fixture.holds(&[(1, false)]);
    assert_eq!(fixture.news(&fixture.began).await, [""; 0]);
    assert_eq!(fixture.assigner.drained().now_or_never(), None, "it is told once");
    fixture.holds(&[(0, false), (1, false)]);
    assert_eq!(fixture.news(&fixture.began).await, ["in-0"]);
}

#[tokio::test(start_paused = true)]
async fn a_pass_goes_on_while_the_lease_of_its_own_shard_lets_it() {
    let fixture = fixture();
    fixture.holds(&[(0, false), (1, false)]);
    assert_eq!(fixture.news(&fixture.began).await, ["in-0", "in-1"]);
    fixture.fences[0].revoke();
    fixture.go_on.add_permits(2);
    assert_eq!(fixture.news(&fixture.ended).await, ["in-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_becomes_another_projects_takes_its_objects_along() {
    let fixture = fixture();
    fixture.holds(&[(0, false)]);
    assert_eq!(fixture.news(&fixture.began).await, ["in-0"]);
    fixture
        .dependents
        .apply(&platform("in-0"), vec![project(1)], Vec::new());
    assert_eq!(fixture.news(&fixture.departed).await, ["in-0"]);
    fixture.go_on.add_permits(1);
    assert_eq!(
        fixture.news(&fixture.ended).await,
        [""; 0],
        "another process begins with it"
    );
    fixture.scheduler.wake(&function("in-0"), Class::Change);
    assert_eq!(fixture.news(&fixture.began).await, [""; 0]);
    // One whose Platform is gone is the first shard's.
    fixture.dependents.forget(&platform("in-0"));
    fixture.scheduler.wake(&function("in-0"), Class::Change);
    assert_eq!(fixture.news(&fixture.began).await, ["in-0"]);
    // The same project by another name moves nothing.
    fixture
        .dependents
        .apply(&platform("in-1"), vec![project(1)], Vec::new());
    assert_eq!(fixture.news(&fixture.departed).await, ["in-0"]);
}
