//! How long the runtime's thread is kept busy.

use std::{
    cell::Cell,
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ace_domain::inputs::{ArtifactState, FunctionParts};
use futures::future::join_all;
use tokio::{
    runtime::{Builder, Runtime},
    time::sleep,
};

use super::fixture::{Fixture, MAPS, archive, archive_map, config_map};

/// What a probe, a lease and every other object can wait for at most.
const LONGEST: Duration = Duration::from_millis(100);
/// Functions of the archive: each has a module of its own, and a closure.
const FUNCTIONS: usize = 12;
/// Entries of the import map, the most that are allowed, and imports of each module.
const NAMES: usize = 10_000;

thread_local! {
    static BEGAN: Cell<u64> = const { Cell::new(0) };
}

/// Processor time of this thread, in nanoseconds: of a machine that is busy with others, there is none.
fn used() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// A runtime of one thread, and the most processor time that it ever took without being idle: a poll takes no more.
fn measured() -> (Runtime, Arc<AtomicU64>) {
    let longest = Arc::new(AtomicU64::new(0));
    let runtime = Builder::new_current_thread()
        .enable_all()
        .on_thread_unpark(|| BEGAN.set(used()))
        .on_thread_park({
            let longest = longest.clone();
            move || {
                longest.fetch_max(used().saturating_sub(BEGAN.get()), Ordering::SeqCst);
            }
        })
        .build();
    (runtime.unwrap(), longest)
}

#[test]
fn a_large_map_with_many_imports_keeps_no_thread_of_the_runtime_busy() {
    // The cluster answers on threads of its own.
    let servers = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let fixture = servers.block_on(Fixture::new());
    let entries: Vec<String> = (0..NAMES).map(|at| format!("\"p{at}/\": \"npm:x@{at}/\"")).collect();
    let map = format!("{{\"imports\": {{{}}}}}", entries.join(","));
    let imports: Vec<String> = (0..NAMES).map(|at| format!("import 'p{at}/x';\n")).collect();
    let module = imports.concat();
    let paths: Vec<String> = (0..FUNCTIONS).map(|at| format!("h{at}/index.ts")).collect();
    let mut files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), module.as_str())).collect();
    files.push(("deno.json", &map));
    let object = archive_map(&archive(&files));
    fixture.cluster.put(&format!("{MAPS}/functions"), object);

    let (runtime, longest) = measured();
    let closures = runtime.block_on(async {
        BEGAN.set(used());
        let ArtifactState::Ready(artifact) = fixture.artifact_state(&config_map("functions")).await else {
            panic!("it can be read")
        };
        let closure = |at: usize| {
            let parts = FunctionParts {
                folder: None,
                slug: format!("h{at}"),
                entrypoint: None,
                import_map: Some("deno.json".to_owned()),
                static_files: Vec::new(),
            };
            let (sources, tree) = (fixture.sources.clone(), artifact.tree.clone());
            async move { sources.closure(&format!("team-{}", at % 3), &tree, parts).await }
        };
        // As passes over twelve objects, and each again: what is known must not cost it, either.
        let first = join_all((0..FUNCTIONS).map(closure)).await;
        let again = join_all((0..FUNCTIONS).map(closure)).await;
        assert_eq!(first.len(), again.len());
        // The runtime is idle once more: until then nothing is measured.
        sleep(Duration::from_millis(1)).await;
        first
    });
    for closure in &closures {
        assert_eq!(closure.as_ref().unwrap().remote().len(), NAMES);
    }
    let longest = Duration::from_nanos(longest.load(Ordering::SeqCst));
    assert!(longest > Duration::ZERO, "it was measured");
    assert!(longest < LONGEST, "the runtime's thread was busy for {longest:?}");
}
