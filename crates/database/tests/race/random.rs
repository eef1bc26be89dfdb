//! Two processes at a time on one database, and something happens to each of them at random.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use rustix::process::Signal;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    bed::Bed,
    cuts::{Cut, Cuts, Side},
    postgres_proxy::PostgresProxy,
    process::{Process, signal},
    set::{once, state},
};

const RUNS: u32 = 1_000;
/// Databases at the same time. Most of a run is waiting.
const TRACKS: u32 = 4;
/// Until the server ends a session that says nothing, in milliseconds: 60,000 in life.
const IDLE: u64 = 200;
/// Most milliseconds between two steps of a process.
const PAUSE: u64 = 20;
/// A process alone makes about as many requests.
const REQUESTS: usize = 100;

/// What happens to a process.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Nothing,
    /// Killed at a request.
    Killed(usize, Side),
    /// Killed after milliseconds, wherever it is.
    KilledLater(u64),
    /// Its connection is cut at a request.
    Cut(usize, Side),
    /// Stopped after milliseconds, and woken after longer than a session may be idle.
    Stopped(u64, u64),
}

impl Fate {
    fn random(random: &mut StdRng) -> Self {
        let side = if random.random() { Side::Before } else { Side::After };
        match random.random_range(0..8) {
            0 => Self::Nothing,
            1 | 2 => Self::Killed(random.random_range(0..REQUESTS), side),
            3 => Self::KilledLater(random.random_range(0..200)),
            4 | 5 => Self::Cut(random.random_range(0..REQUESTS), side),
            _ => Self::Stopped(random.random_range(0..200), random.random_range(IDLE + 50..3 * IDLE)),
        }
    }
}

/// How often something really happened.
#[derive(Default)]
struct Happened {
    kills: AtomicU32,
    cuts: AtomicU32,
    stops: AtomicU32,
}

/// One of the two processes of a run, and those that take its place.
struct Seat {
    port: u16,
    cuts: Cuts,
    happened: Arc<Happened>,
}

impl Seat {
    /// Until a process of this seat has seen that everything is applied.
    async fn run(&self, database: &str, number: u32, mut random: StdRng) {
        let mut fate = Fate::random(&mut random);
        loop {
            sleep(Duration::from_millis(random.random_range(0..30))).await;
            let mut process = Process::start(self.port, database, number, IDLE, PAUSE);
            if let Fate::Killed(at, side) | Fate::Cut(at, side) = fate {
                let process_id = matches!(fate, Fate::Killed(..)).then(|| process.id());
                self.cuts.arm_at(Cut {
                    process_id,
                    stops: false,
                    of: "",
                    at,
                    side,
                });
            }
            let id = process.id();
            let strike = async {
                self.strike(fate, id).await;
                std::future::pending::<()>().await;
            };
            let ended = tokio::select! {
                ended = process.end() => ended,
                () = strike => unreachable!(),
            };
            let (cut, _) = self.cuts.disarm();
            self.happened
                .cuts
                .fetch_add(u32::from(cut.is_some() && ended), Ordering::Relaxed);
            if ended {
                return;
            }
            self.happened.kills.fetch_add(1, Ordering::Relaxed);
            fate = if random.random() {
                Fate::random(&mut random)
            } else {
                Fate::Nothing
            };
        }
    }

    /// What happens later, to a process that has not ended by then.
    async fn strike(&self, fate: Fate, process: u32) {
        match fate {
            Fate::KilledLater(after) => {
                sleep(Duration::from_millis(after)).await;
                signal(process, Signal::KILL);
            }
            Fate::Stopped(after, pause) => {
                sleep(Duration::from_millis(after)).await;
                signal(process, Signal::STOP);
                sleep(Duration::from_millis(pause)).await;
                signal(process, Signal::CONT);
                self.happened.stops.fetch_add(1, Ordering::Relaxed);
            }
            Fate::Nothing | Fate::Killed(..) | Fate::Cut(..) => {}
        }
    }
}

/// Runs of one track, ten to a database: what a look costs grows with what is there.
async fn track(bed: Arc<Bed>, numbers: Vec<u32>, happened: Arc<Happened>) {
    let mut seats = Vec::new();
    for _ in 0..2 {
        let cuts = Cuts::default();
        let port = PostgresProxy::start(bed.port(), &cuts).await.port;
        let happened = happened.clone();
        seats.push(Seat { port, cuts, happened });
    }
    for numbers in numbers.chunks(10) {
        let database = format!("random_{}", numbers[0]);
        bed.make(&database).await;
        for number in numbers {
            let random = |seat: u64| StdRng::seed_from_u64(u64::from(*number) * 2 + seat);
            tokio::join!(
                seats[0].run(&database, *number, random(0)),
                seats[1].run(&database, *number, random(1)),
            );
            assert_eq!(bed.one(&database, &state(*number)).await, once(*number), "run {number}");
        }
        bed.remove(&database).await;
    }
}

#[tokio::test]
async fn two_processes_to_which_anything_happens_apply_every_file_once() {
    let (bed, happened) = (Bed::shared().await, Arc::new(Happened::default()));
    let mut tracks = JoinSet::new();
    for first in 0..TRACKS {
        let numbers = (1..=RUNS).filter(|number| number % TRACKS == first).collect();
        tracks.spawn(track(bed.clone(), numbers, happened.clone()));
    }
    while let Some(ended) = tracks.join_next().await {
        ended.unwrap();
    }
    let [kills, cuts, stops] =
        [&happened.kills, &happened.cuts, &happened.stops].map(|count| count.load(Ordering::Relaxed));
    // Past what the harness keeps to itself.
    let told = format!("{RUNS} runs of two processes: {kills} kills, {cuts} cuts, {stops} pauses; no file twice");
    let _ = writeln!(std::io::stderr(), "{told}");
    assert!(kills >= RUNS / 4 && cuts >= RUNS / 8 && stops >= RUNS / 8, "{told}");
}
