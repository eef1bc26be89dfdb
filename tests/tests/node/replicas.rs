//! Two pods, of which one acts.

use rustix::process::{Pid, Signal, kill_process};
use xtask::rights;

use super::{
    bed::{World, eventually},
    life::Release,
    pods::{self, process},
    project::Managed,
};

pub async fn goes_on(world: &World) {
    let managed = Managed::create(world).await;
    let mut values = managed.values();
    values["replicas"] = 2.into();
    let release = Release::prepare(world, &values).await;
    release.helm("install", &["--wait", "--timeout=5m"]);
    managed.apply().await;
    managed.ready().await;
    let known = managed.known().await;

    let first = leader(world).await;
    world
        .kubectl(&format!(
            "--namespace {} delete pod {first} --wait=false",
            rights::NAMESPACE
        ))
        .await;
    managed
        .looks("a look after the acting pod was deleted", "deleted")
        .await;
    let second = leader(world).await;
    assert_ne!(first, second);
    both(world).await;

    let force = format!(
        "--namespace {} delete pod {second} --force --grace-period=0 --wait=false",
        rights::NAMESPACE
    );
    world.kubectl(&force).await;
    managed.looks("a look after the acting pod was killed", "killed").await;
    let third = leader(world).await;
    assert_ne!(second, third);
    both(world).await;

    let pods = world.operators().await;
    let pod = pods.iter().find(|pod| pods::name(pod) == third).unwrap();
    let process = process(pod);
    kill_process(Pid::from_raw(process.id).unwrap(), Signal::KILL).unwrap();
    managed
        .looks("a look after the acting container was killed", "container")
        .await;
    both(world).await;
    managed.is_left_alone(&known, "three deaths").await;
}

/// Who has the Lease.
async fn leader(world: &World) -> String {
    let lease = world
        .get(&format!("lease {} --namespace {}", rights::OPERATOR, rights::NAMESPACE))
        .await;
    let holder = &lease["spec"]["holderIdentity"];
    let pods = world.operators().await;
    let pod = pods.iter().find(|pod| pod["metadata"]["uid"] == *holder);
    let pod = pod.unwrap_or_else(|| panic!("{holder} is none of {:?}", pods::names(&pods)));
    pods::name(pod).to_owned()
}

/// Waits until there are two pods that are ready.
async fn both(world: &World) {
    let ready = async || {
        let pods = world.operators().await;
        (pods.len() == 2 && pods.iter().all(pods::is_ready)).then_some(())
    };
    eventually("two pods are ready", ready).await;
}
