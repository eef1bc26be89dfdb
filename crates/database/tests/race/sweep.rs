//! The operator's whole loop over five files is cut before and after each of its requests.

use std::io::Write;

use crate::{
    bed::Bed,
    cuts::{Cut, Cuts, Side},
    postgres_proxy::PostgresProxy,
    process::Process,
    set::{once, state},
};

/// Requests of a process that finds a new database and applies the five files.
const RECORDED: usize = 119;
/// As in life: nothing in a sweep is slow enough for it.
const IDLE: u64 = 60_000;

/// What is counted and written down, and the schemas.
async fn dump(bed: &Bed, database: &str) -> (String, String) {
    (bed.one(database, &state(1)).await, bed.fingerprint(database).await)
}

/// Cuts at each request until a process comes through uncut; answers with the names of the cuts.
async fn sweep(victim: &str, side: Side, killed: bool) -> Vec<String> {
    let bed = Bed::shared().await;
    let cuts = Cuts::default();
    let proxy = PostgresProxy::start(bed.port(), &cuts).await;
    let undisturbed = format!("{victim}_undisturbed");
    bed.make(&undisturbed).await;
    assert!(Process::start(bed.port(), &undisturbed, 1, IDLE, 0).end().await);
    let expected = dump(&bed, &undisturbed).await;
    assert_eq!(expected.0, once(1));
    let mut names = Vec::new();
    for at in 0.. {
        let database = format!("{victim}_{at}");
        bed.make(&database).await;
        let mut process = Process::start(proxy.port, &database, 1, IDLE, 0);
        cuts.arm_at(Cut {
            process_id: killed.then(|| process.id()),
            stops: false,
            of: "postgres",
            at,
            side,
        });
        let ended = process.end().await;
        let (cut, _) = cuts.disarm();
        assert_eq!(ended, !(killed && cut.is_some()), "{cut:?}");
        if !ended {
            assert!(Process::start(bed.port(), &database, 1, IDLE, 0).end().await, "{cut:?}");
        }
        assert_eq!(dump(&bed, &database).await, expected, "{cut:?}");
        bed.remove(&database).await;
        match cut {
            Some(cut) => names.push(cut),
            None => break,
        }
    }
    assert!(names.len() >= RECORDED, "only {} cuts: {names:#?}", names.len());
    // Past what the harness keeps to itself: how many there were is the point.
    let _ = writeln!(
        std::io::stderr(),
        "{victim}: {} requests, each cut {side:?}",
        names.len()
    );
    names
}

#[tokio::test]
async fn killed_before_any_request_it_is_applied_once_by_the_next_process() {
    sweep("killed_before", Side::Before, true).await;
}

#[tokio::test]
async fn killed_after_any_request_it_is_applied_once_by_the_next_process() {
    sweep("killed_after", Side::After, true).await;
}

#[tokio::test]
async fn with_its_connection_cut_before_any_request_it_is_applied_once() {
    sweep("cut_before", Side::Before, false).await;
}

#[tokio::test]
async fn with_any_answer_lost_it_is_applied_once() {
    let cuts = sweep("cut_after", Side::After, false).await;
    let commits = cuts.iter().filter(|cut| *cut == "After postgres COMMIT").count();
    // One for each of three files of one transaction; a row before and one behind each of two indexes, and of the two segments
    // around the second.
    assert_eq!(commits, 3 + 2 * 2 + 2, "{cuts:#?}");
}
