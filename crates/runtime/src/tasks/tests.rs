use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use ace_domain::reconcile::key::Key;
use futures::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{Ended, Running, Slots, StillRunning, TaskState, Tasks};

const INTERVAL: Duration = Duration::from_secs(15);
const GRACE: Duration = Duration::from_mins(10);

type T = Tasks<&'static str, u32, &'static str>;
type State = TaskState<u32, &'static str>;

fn key(name: &str) -> Key {
    Key {
        namespace: "ace".to_owned(),
        name: name.to_owned(),
    }
}

/// Tasks, and the names of the objects that they wake.
fn tasks(slots: usize) -> (T, mpsc::UnboundedReceiver<String>) {
    let (sender, woken) = mpsc::unbounded_channel();
    let wake = move |key: &Key| {
        let _ = sender.send(key.name.clone());
    };
    (Tasks::new(Slots::new(slots), INTERVAL, wake), woken)
}

type Work = Box<dyn FnOnce(Running<u32>) -> BoxFuture<'static, &'static str> + Send>;

/// Work that tells that it began, and ends when it is let or cancelled.
fn work(began: &Arc<Mutex<Vec<&'static str>>>, name: &'static str) -> (Work, oneshot::Sender<()>) {
    let (end, ended) = oneshot::channel();
    let began = began.clone();
    let work = move |running: Running<u32>| {
        async move {
            began.lock().unwrap().push(name);
            tokio::select! {
                _ = ended => "ended",
                () = running.cancel().cancelled() => "cancelled",
            }
        }
        .boxed()
    };
    (Box::new(work), end)
}

fn state(tasks: &T, name: &str) -> Option<State> {
    tasks.look(&key(name)).map(|(_, state)| state)
}

fn done(result: &'static str) -> State {
    TaskState::Ended(Ended::Done(result))
}

#[tokio::test(start_paused = true)]
async fn as_many_run_as_there_are_slots_and_the_others_in_the_order_of_their_start() {
    let (tasks, mut woken) = tasks(2);
    let began = Arc::default();
    let mut ends = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let (work, end) = work(&began, name);
        tasks.start(&key(name), "1", work).unwrap();
        ends.push(end);
    }
    let mut ends = ends.into_iter();
    let began = || began.lock().unwrap().clone();
    assert_eq!([woken.recv().await, woken.recv().await].map(Option::unwrap), ["a", "b"]);
    assert_eq!(began(), ["a", "b"]);
    assert_eq!(state(&tasks, "c"), Some(TaskState::Queued));
    ends.next().unwrap().send(()).unwrap();
    assert_eq!([woken.recv().await, woken.recv().await].map(Option::unwrap), ["a", "c"]);
    assert_eq!(began(), ["a", "b", "c"]);
    assert_eq!(state(&tasks, "a"), Some(done("ended")));
    assert_eq!(state(&tasks, "d"), Some(TaskState::Queued));
}

#[tokio::test(start_paused = true)]
async fn the_slots_are_those_of_all_kinds_together() {
    let slots = Slots::new(1);
    let of = |slots: &Slots| T::new(slots.clone(), INTERVAL, |_| ());
    let (one, other, began) = (of(&slots), of(&slots), Arc::default());
    let ((first, end), (second, _kept)) = (work(&began, "first"), work(&began, "second"));
    one.start(&key("a"), "1", first).unwrap();
    other.start(&key("a"), "1", second).unwrap();
    sleep(INTERVAL).await;
    assert_eq!(*began.lock().unwrap(), ["first"]);
    end.send(()).unwrap();
    sleep(INTERVAL).await;
    assert_eq!(*began.lock().unwrap(), ["first", "second"]);
}

#[tokio::test(start_paused = true)]
async fn progress_wakes_the_object_once_per_interval_and_only_where_it_moved() {
    let (tasks, mut woken) = tasks(1);
    let work = |running: Running<u32>| async move {
        // A step each second for half an interval, then nothing for three, then one more.
        for step in 0..8 {
            running.progress(step);
            sleep(Duration::from_secs(1)).await;
        }
        sleep(INTERVAL * 3).await;
        running.progress(7);
        running.progress(8);
        pending::<()>().await;
        "never"
    };
    tasks.start(&key("a"), "1", work).unwrap();
    let began = Instant::now();
    let mut seen = Vec::new();
    for _ in 0..3 {
        woken.recv().await.unwrap();
        let state = state(&tasks, "a").unwrap();
        seen.push((began.elapsed().as_secs(), state));
    }
    let running = |progress| TaskState::Running(progress);
    assert_eq!(
        seen,
        [(0, running(None)), (15, running(Some(7))), (60, running(Some(8)))]
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failed_task_and_gives_its_slot_back() {
    let (tasks, mut woken) = tasks(1);
    tasks
        .start(&key("a"), "1", |_| async { panic!("of the work") })
        .unwrap();
    let in_the_making = |_| -> std::future::Ready<&'static str> { panic!("before the work") };
    tasks.start(&key("b"), "1", in_the_making).unwrap();
    tasks.start(&key("c"), "1", |_| async { "ended" }).unwrap();
    for _ in 0..6 {
        woken.recv().await.unwrap();
    }
    for name in ["a", "b"] {
        let state = state(&tasks, name);
        assert!(
            matches!(state, Some(TaskState::Ended(Ended::Panicked(_)))),
            "{name}: {state:?}"
        );
    }
    assert_eq!(state(&tasks, "c"), Some(done("ended")));
}

#[tokio::test(start_paused = true)]
async fn who_is_cancelled_while_queued_does_not_begin_and_who_runs_ends_by_itself() {
    let (tasks, mut woken) = tasks(1);
    let began = Arc::default();
    let ((first, _kept), (second, _kept_too)) = (work(&began, "a"), work(&began, "b"));
    tasks.start(&key("a"), "1", first).unwrap();
    tasks.start(&key("b"), "1", second).unwrap();
    woken.recv().await.unwrap();
    tasks.cancel(&key("b"));
    assert_eq!(woken.recv().await.unwrap(), "b");
    assert_eq!(state(&tasks, "b"), Some(TaskState::Ended(Ended::NotBegun)));
    tasks.cancel(&key("a"));
    assert_eq!(woken.recv().await.unwrap(), "a");
    assert_eq!(state(&tasks, "a"), Some(done("cancelled")));
    assert_eq!(*began.lock().unwrap(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_has_one_task_and_its_end_is_told_once() {
    let (tasks, mut woken) = tasks(2);
    let began = Arc::default();
    let ((first, end), (second, _kept)) = (work(&began, "first"), work(&began, "second"));
    tasks.start(&key("a"), "1", first).unwrap();
    assert_eq!(tasks.start(&key("a"), "2", |_| async { "second" }), Err(StillRunning));
    woken.recv().await.unwrap();
    assert_eq!(tasks.look(&key("a")), Some(("1", TaskState::Running(None))));
    end.send(()).unwrap();
    woken.recv().await.unwrap();
    assert_eq!(
        tasks.look(&key("a")),
        Some(("1", TaskState::Ended(Ended::Done("ended"))))
    );
    assert_eq!(tasks.look(&key("a")), None);
    tasks.start(&key("a"), "2", second).unwrap();
    assert_eq!(tasks.look(&key("a")), Some(("2", TaskState::Queued)));
}

#[tokio::test(start_paused = true)]
async fn who_is_forgotten_while_it_runs_ends_and_nothing_is_kept_of_it() {
    let (tasks, mut woken) = tasks(1);
    let began = Arc::default();
    let (first, _kept) = work(&began, "a");
    tasks.start(&key("a"), "1", first).unwrap();
    woken.recv().await.unwrap();
    tasks.forget(&key("a"));
    assert_eq!(state(&tasks, "a"), Some(TaskState::Running(None)));
    woken.recv().await.unwrap();
    assert_eq!(state(&tasks, "a"), None);
}

#[tokio::test(start_paused = true)]
async fn at_the_stop_none_begins_and_who_runs_may_end_within_the_grace() {
    let (tasks, mut woken) = tasks(1);
    let (began, stop) = (Arc::default(), CancellationToken::new());
    let ((first, end), (second, _kept)) = (work(&began, "a"), work(&began, "b"));
    tasks.start(&key("a"), "1", first).unwrap();
    tasks.start(&key("b"), "1", second).unwrap();
    woken.recv().await.unwrap();
    let stopping = tokio::spawn(tasks.clone().run(stop.clone(), GRACE));
    stop.cancel();
    assert_eq!(woken.recv().await.unwrap(), "b");
    end.send(()).unwrap();
    stopping.await.unwrap();
    assert_eq!(state(&tasks, "a"), Some(done("ended")));
    assert_eq!(*began.lock().unwrap(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_end_within_the_grace_is_asked_to() {
    let (tasks, mut woken) = tasks(1);
    let (began, stop, now) = (Arc::default(), CancellationToken::new(), Instant::now());
    let (first, _kept) = work(&began, "a");
    tasks.start(&key("a"), "1", first).unwrap();
    woken.recv().await.unwrap();
    stop.cancel();
    tasks.clone().run(stop, GRACE).await;
    assert_eq!(state(&tasks, "a"), Some(done("cancelled")));
    assert_eq!(now.elapsed(), GRACE);
}
