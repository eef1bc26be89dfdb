//! Whether the objective can be met at all, whatever happens.

use std::time::Duration;

use ace_api::{BackupSchedule, Duration as Written, ScheduleReason};

use super::{Cause, Known, Phase, State};

/// Schedules to suggest, and how far their slots are apart at most.
const SCHEDULES: [(&str, u64); 8] = [
    ("0 */12 * * *", 12 * 3_600),
    ("0 */6 * * *", 6 * 3_600),
    ("0 */3 * * *", 3 * 3_600),
    ("0 * * * *", 3_600),
    ("*/30 * * * *", 1_800),
    ("*/15 * * * *", 900),
    ("*/5 * * * *", 300),
    ("* * * * *", 60),
];

/// Why the slots are too far apart for the objective: just before a backup is complete, the newest point is as old as the time
/// between two slots and the time that a backup takes.
pub(super) fn unreachable(object: &BackupSchedule, state: &State) -> Option<Cause> {
    let spec = &object.spec;
    let rpo = spec.objective.rpo.get();
    let between = state.memory.longest.as_ref()?.interval;
    let takes = took(&state.backups);
    let oldest = between + takes;
    if oldest < rpo {
        return None;
    }
    let takes = match takes.as_secs() {
        0 => String::new(),
        seconds => format!(", and a backup takes {}", Written::from_secs(seconds)),
    };
    let wanted = SCHEDULES
        .iter()
        .find(|(_, apart)| with_room(Duration::from_secs(*apart) + took(&state.backups)) <= rpo);
    let instead = wanted.map_or_else(String::new, |(schedule, _)| {
        format!(", or a `schedule` with more slots, such as '{schedule}'")
    });
    let message = format!(
        "`objective.rpo` is {}, and up to {} lie between two slots of `{}`{takes}: write '{}' or more{instead}",
        spec.objective.rpo,
        minutes(between),
        spec.schedule,
        minutes(with_room(oldest)),
    );
    Some(Cause::new(ScheduleReason::ObjectiveUnreachable, message))
}

/// How long the newest backup took.
fn took(backups: &[Known]) -> Duration {
    let stored = backups.iter().filter(|backup| backup.phase == Phase::Stored);
    stored
        .max_by_key(|backup| backup.point)
        .and_then(|backup| backup.took)
        .unwrap_or_default()
}

fn with_room(time: Duration) -> Duration {
    time + time / 12
}

/// In full minutes, rounded up.
fn minutes(time: Duration) -> Written {
    Written::from_secs(time.as_secs().div_ceil(60) * 60)
}
