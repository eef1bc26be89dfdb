//! The operator's memory over time, and what a line through it says.

use std::{
    fs,
    time::{Duration, Instant},
};

use ace_tests::{Operator, Pod};
use tokio::{
    sync::watch::Sender,
    time::{MissedTickBehavior, interval},
};

use crate::{phase::Phase, usage};

/// Between two samples.
const EVERY: Duration = Duration::from_secs(10);
const MINUTE: f64 = 60.0;
/// A probe of the kubelet's waits so long.
const PROBE: Duration = Duration::from_secs(1);

/// At one moment.
#[derive(Clone, Copy)]
pub struct Sample {
    /// Seconds since the beginning.
    at: f64,
    /// MiB resident.
    resident: f64,
    /// MiB resident at most since the sample before.
    highest: f64,
    phase: Phase,
}

pub struct Series {
    samples: Vec<Sample>,
    /// Probes of liveness, and those that were not answered within a second.
    pub probes: (usize, usize),
    /// How the process ended, if it did.
    pub ended: Option<String>,
}

/// Looks at the operator until the run is over; where the operator is first, so is the run.
pub async fn watch(operator: &mut Operator, pod: Option<&Pod>, phases: &Sender<Phase>) -> Series {
    let mut series = Series {
        samples: Vec::new(),
        probes: (0, 0),
        ended: None,
    };
    let began = Instant::now();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut minute = 0.0;
    loop {
        ticks.tick().await;
        let phase = *phases.borrow();
        let sample = Sample {
            at: began.elapsed().as_secs_f64(),
            resident: usage::memory(operator.process_id(), "VmRSS"),
            highest: usage::memory(operator.process_id(), "VmHWM"),
            phase,
        };
        // Begins the count of `VmHWM` anew; where that is refused, it is of all the time.
        let _ = fs::write(format!("/proc/{}/clear_refs", operator.process_id()), "5");
        let killed = pod.and_then(Pod::kills).unwrap_or_default();
        // Without a cgroup nobody else does.
        let is_above = pod.is_none() && sample.resident > f64::from(Pod::LIMIT_MIB);
        series.ended = match operator.ended() {
            Some(status) => Some(format!("{status}, killed for want of memory {killed} times")),
            None if is_above => Some("would have been killed: above the pod's limit".to_owned()),
            None => None,
        };
        if series.ended.is_some() || phase == Phase::Over {
            phases.send_replace(Phase::Over);
            return series;
        }
        series.samples.push(sample);
        series.probes.0 += 1;
        if !operator.is_alive(PROBE).await {
            series.probes.1 += 1;
        }
        if sample.at >= minute + MINUTE {
            println!("{}", series.minute(minute, usage::cpu(operator.process_id())));
            minute += MINUTE;
        }
    }
}

impl Series {
    /// One line about the minute that begins there.
    fn minute(&self, from: f64, cpu: f64) -> String {
        let of_it: Vec<_> = self.between(from, from + MINUTE).collect();
        let values = || of_it.iter().map(|sample| sample.resident);
        let hostile = of_it.iter().filter(|sample| sample.phase == Phase::Hostile).count();
        format!(
            "minute {:3}: {:6.1} MiB resident on average, {:6.1} to {:6.1}; hostile tenants in {hostile} of {} samples; \
             {cpu:.0} s of CPU so far; load {}",
            from / MINUTE + 1.0,
            mean(values()),
            values().fold(f64::INFINITY, f64::min),
            of_it.iter().map(|sample| sample.highest).fold(0.0, f64::max),
            of_it.len(),
            usage::load(),
        )
    }

    fn between(&self, from: f64, to: f64) -> impl Iterator<Item = Sample> {
        let is_within = move |sample: &&Sample| (from..to).contains(&sample.at);
        self.samples.iter().filter(is_within).copied()
    }

    /// MiB at most.
    pub fn most(&self) -> f64 {
        self.samples.iter().map(|sample| sample.highest).fold(0.0, f64::max)
    }

    /// MiB on average after this second, and by how much it grows in an hour, as the line of least squares says; of all
    /// samples, or those of one phase.
    pub fn slope(&self, from: f64, phase: Option<Phase>) -> Option<(f64, f64)> {
        let samples: Vec<_> = self
            .between(from, f64::INFINITY)
            .filter(|sample| phase.is_none_or(|phase| sample.phase == phase))
            .collect();
        let at = mean(samples.iter().map(|sample| sample.at));
        let resident = mean(samples.iter().map(|sample| sample.resident));
        let both: f64 = samples
            .iter()
            .map(|sample| (sample.at - at) * (sample.resident - resident))
            .sum();
        let square: f64 = samples.iter().map(|sample| (sample.at - at).powi(2)).sum();
        (samples.len() > 2).then_some((resident, both / square * 60.0 * MINUTE))
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}
