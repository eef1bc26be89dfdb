//! What becomes of one of two operators.

use std::{ops::Range, time::Duration};

use ace_tests::{Database, Operator, OperatorOptions, bed};
use rand::{Rng as _, rngs::StdRng};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

/// After so many milliseconds.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    Nothing,
    Killed(u64),
    /// Stopped, its session ended, and woken after milliseconds.
    Stopped(u64, u64),
}

/// How often which fate comes, and when.
pub struct Fates {
    /// Of five.
    pub killed: u32,
    pub after: Range<u64>,
    pub pause: Range<u64>,
}

impl Fates {
    pub fn random(&self, random: &mut StdRng) -> Fate {
        let after = random.random_range(self.after.clone());
        match random.random_range(0..5) {
            0 => Fate::Nothing,
            number if number <= self.killed => Fate::Killed(after),
            _ => Fate::Stopped(after, random.random_range(self.pause.clone())),
        }
    }
}

impl Fate {
    /// `application`: how the names of its sessions begin, which the server ends as it does with those that say nothing for a minute.
    pub async fn strike(
        self,
        operator: &mut Operator,
        options: &OperatorOptions,
        database: &Database,
        application: &str,
    ) {
        // One that lost its Lease while it was stopped has ended.
        if operator.ended().is_some() {
            *operator = Operator::start(bed(), options).await;
        }
        match self {
            Self::Nothing => {}
            Self::Killed(after) => {
                sleep(Duration::from_millis(after)).await;
                operator.kill();
                *operator = Operator::start(bed(), options).await;
            }
            Self::Stopped(after, pause) => {
                sleep(Duration::from_millis(after)).await;
                signal(operator, Signal::STOP);
                let idle = format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE datname = current_database() AND application_name LIKE '{application}/%'"
                );
                database.rows(&idle).await;
                sleep(Duration::from_millis(pause)).await;
                signal(operator, Signal::CONT);
            }
        }
    }
}

pub fn signal(operator: &Operator, signal: Signal) {
    let process = Pid::from_raw(i32::try_from(operator.process_id()).unwrap()).unwrap();
    kill_process(process, signal).unwrap();
}
