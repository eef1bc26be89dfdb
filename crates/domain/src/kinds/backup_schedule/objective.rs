//! Whether the objective can be met at all, whatever happens.

use std::time::Duration;

use ace_api::{BackupSchedule, Duration as Written, ScheduleReason};

use super::{Cause, Known, Phase, PlatformState, State};
use crate::kinds::platform::Points;

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

/// How old the latest time of point-in-time recovery is, where all is well: its log is shipped every two minutes
/// (<https://supabase.com/docs/guides/platform/backups>).
const SHIPPED: Duration = Duration::from_mins(2);

/// Time between two daily backups of the platform, with an hour that one may take.
const DAILY: Duration = Duration::from_hours(25);

/// Why the objective can't be met: just before a backup is complete, the newest point is as old as the time between two slots and the
/// time that a backup takes. What the platform keeps may be newer.
pub(super) fn unreachable(object: &BackupSchedule, state: &State) -> Option<Cause> {
    let spec = &object.spec;
    let rpo = spec.objective.rpo.get();
    let between = state.memory.longest.as_ref()?.interval;
    let takes = took(&state.backups);
    let own = between + takes;
    let counts = spec.objective.count_platform;
    let platform = match &state.platform {
        PlatformState::Present(platform) => Some(platform),
        PlatformState::Absent => None,
    };
    let points = platform
        .and_then(|platform| platform.points.as_ref())
        .filter(|_| counts);
    // What is not known yet is not judged.
    if own < rpo || counts && points.is_none() {
        return None;
    }
    let (others, said) = match (points, platform) {
        (Some(Err(problem)), _) => return Some(unanswered(object, problem)),
        (Some(Ok(points)), Some(platform)) => by_platform(points, platform.interval),
        _ => (None, ""),
    };
    let oldest = others.map_or(own, |others| others.min(own));
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
    let slots = wanted.map(|(schedule, _)| format!("a `schedule` with more slots, such as '{schedule}'"));
    let pitr = match others {
        Some(_) if points.is_some_and(|points| points.as_ref().is_ok_and(|points| points.pitr.is_some())) => None,
        _ if counts => Some("point-in-time recovery enabled for the project".to_owned()),
        _ => Some("`objective.countPlatform` with point-in-time recovery enabled for the project".to_owned()),
    };
    let pitr = pitr.filter(|_| rpo > SHIPPED);
    let instead = [Some(format!("'{}' or more", minutes(with_room(oldest)))), slots, pitr];
    let instead: Vec<String> = instead.into_iter().flatten().collect();
    let message = format!(
        "`objective.rpo` is {}, and up to {} lie between two slots of `{}`{takes}{said}: write {}",
        spec.objective.rpo,
        minutes(between),
        spec.schedule,
        instead.join(", or "),
    );
    Some(Cause::new(ScheduleReason::ObjectiveUnreachable, message))
}

/// How old the newest point of the platform may become, and what it has.
fn by_platform(points: &Points, interval: Duration) -> (Option<Duration>, &'static str) {
    if points.pitr.is_some() {
        // What it says is as old as the Platform's last look.
        return (
            Some(SHIPPED + interval),
            "; what the platform says of its point-in-time recovery is as old as the Platform's `interval`",
        );
    }
    if points.daily.is_empty() {
        return (
            None,
            "; the platform has neither point-in-time recovery nor a daily backup",
        );
    }
    (
        Some(DAILY),
        "; the platform has no point-in-time recovery, and a backup a day",
    )
}

/// The platform does not say what it has, and what there is besides is not enough.
fn unanswered(object: &BackupSchedule, problem: &str) -> Cause {
    let platform = &object.spec.platform_ref.name;
    let message = format!(
        "`objective.countPlatform` is true, and Platform `{platform}` can't list the platform's backups ({problem}): give its token the permission to read backups, or remove `countPlatform`"
    );
    Cause::new(ScheduleReason::AccessMissing, message)
}

/// How old the newest verified backup may be: nothing that the platform keeps is verified, so that the slots say it where those points
/// count.
pub(super) fn age_of_verified(object: &BackupSchedule, state: &State) -> Duration {
    let rpo = object.spec.objective.rpo.get();
    match &state.memory.longest {
        Some(longest) if object.spec.objective.count_platform => {
            rpo.max(with_room(longest.interval + took(&state.backups)))
        }
        _ => rpo,
    }
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
pub(super) fn minutes(time: Duration) -> Written {
    Written::from_secs(time.as_secs().div_ceil(60) * 60)
}
