//! What was measured, and how it grows.

use std::fmt;

use crate::{
    bare::say,
    count::{total, writes},
    sides::{INTERVALS, Settled, Turn},
    usage,
};

/// In MiB.
#[derive(Clone, Copy)]
pub struct Memory {
    anonymous: f64,
    resident: f64,
    most: f64,
}

impl Memory {
    pub fn of(process_id: u32) -> Self {
        let field = |name| usage::memory(process_id, name);
        Self {
            anonymous: field("RssAnon"),
            resident: field("VmRSS"),
            most: field("VmHWM"),
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            anonymous,
            resident,
            most,
        } = self;
        write!(
            formatter,
            "{anonymous:.1} MiB anonymous, {resident:.1} resident, {most:.1} at most"
        )
    }
}

/// Of one fleet.
pub struct Measured {
    pub platforms: usize,
    pub objects: usize,
    pub operator: Turn,
    pub bare: Turn,
    /// After all were rolled out.
    pub rolled_out: Memory,
    /// Of a process that found them as they should be.
    pub restarted: Memory,
    pub settled: Settled,
}

#[expect(clippy::cast_precision_loss, reason = "a number of objects")]
fn number(count: usize) -> f64 {
    count as f64
}

impl fmt::Display for Measured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ours, bare) = (&self.operator, &self.bare);
        let (ours_time, bare_time) = (ours.time.as_secs_f64(), bare.time.as_secs_f64());
        writeln!(formatter, "{} objects, load {}", self.objects, usage::load())?;
        let time = ours_time / bare_time;
        writeln!(
            formatter,
            "  time {ours_time:.1} s / {bare_time:.1} s: × {time:.2}; aim <= 1.15"
        )?;
        let cpu = ours.cpu / bare.cpu;
        writeln!(
            formatter,
            "  CPU {:.2} s / {:.2} s: × {cpu:.2}; aim <= 1.5",
            ours.cpu, bare.cpu
        )?;
        let aim = 6.0 + 3.0 * number(self.objects) / 1024.0;
        writeln!(
            formatter,
            "  memory, rolled out: {}; aim <= {aim:.1} anonymous",
            self.rolled_out
        )?;
        writeln!(formatter, "  memory, restarted: {}", self.restarted)?;
        let Settled {
            platform, cluster, cpu, ..
        } = &self.settled;
        let each = number(total(platform)) / number(self.platforms) / f64::from(INTERVALS);
        let renewals = cluster.get("update leases").copied().unwrap_or_default();
        let writes = writes(cluster) - renewals;
        write!(
            formatter,
            "  settled: {each:.2} requests to a platform and interval, {writes} writes and {renewals} renewals; CPU {cpu:.3} s an interval"
        )
    }
}

/// How much of each there is for ten times the objects: 1 is ten times as much.
pub fn compare(sizes: &[Measured]) {
    for pair in sizes.windows(2) {
        let [small, large] = pair else { continue };
        let exponent = |of: &dyn Fn(&Measured) -> f64| {
            (of(large) / of(small)).ln() / (number(large.objects) / number(small.objects)).ln()
        };
        let each = (large.restarted.anonymous - small.restarted.anonymous) * 1024.0
            / (number(large.objects) - number(small.objects));
        say(&format!(
            "from {} to {} objects: exponent of time {:.2}, of CPU {:.2} (aim <= 1.05); {each:.2} KiB for each more; aim <= 3",
            small.objects,
            large.objects,
            exponent(&|measured| measured.operator.time.as_secs_f64()),
            exponent(&|measured| measured.operator.cpu),
        ));
    }
}
