//! Somebody who writes while a database is dumped.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ace_tests::Database;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

/// Between two writes: a program that writes two hundred times a second.
const PACE: Duration = Duration::from_millis(5);

/// Its table, which is dumped, too.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS public.written (id int PRIMARY KEY, n bigint NOT NULL);
     INSERT INTO public.written SELECT i, 0 FROM generate_series(0, 999) i ON CONFLICT DO NOTHING";
const WRITE: &str = "UPDATE public.written SET n = n + 1 WHERE id = $1";

/// Writes until it is asked to end.
pub struct Writer {
    ended: Arc<AtomicBool>,
    task: JoinHandle<Vec<Duration>>,
}

impl Writer {
    pub async fn start(database: &Database) -> Self {
        let session = database.session().await;
        session.batch_execute(TABLE).await.expect("a table can be made");
        let write = session.prepare(WRITE).await.expect("the statement is sound");
        let ended = Arc::new(AtomicBool::new(false));
        let asked = ended.clone();
        let task = tokio::spawn(async move {
            let mut pace = interval(PACE);
            pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
            let mut taken = Vec::new();
            let rows = (0..1_000_i32).cycle();
            for row in rows {
                if asked.load(Ordering::Relaxed) {
                    break;
                }
                pace.tick().await;
                let began = Instant::now();
                session.execute(&write, &[&row]).await.expect("a row can be written");
                taken.push(began.elapsed());
            }
            taken
        });
        Self { ended, task }
    }

    /// How long all but one write in a hundred took at most, in milliseconds.
    pub async fn end(self) -> f64 {
        self.ended.store(true, Ordering::Relaxed);
        let mut taken = self.task.await.expect("the writer ends");
        taken.sort_unstable();
        let place = taken.len() * 99 / 100;
        taken.get(place).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}
