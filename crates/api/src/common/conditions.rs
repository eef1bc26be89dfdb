//! Conditions: which there are, and how a list of them is kept.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::{Reason, message};

/// The conditions that there are. The first four are every kind's; which others a kind has, its row of the registry says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConditionType {
    /// The desired state of this generation is live and was observed. Always present.
    Ready,
    /// Work is in progress, waits for a dependency, or is retried. Present only while True.
    Reconciling,
    /// A person has to act. Present only while True.
    Stalled,
    /// The spec suspends reconciliation. Present only while True.
    Suspended,
    /// The live resource differs from what was applied. Always present.
    Drifted,
    /// The newest point that a database can be restored to is new enough. Always present.
    Fresh,
    /// The newest such point is verified. Always present.
    Verified,
    /// A backup was restored in time, at each slot of a drill. Present while there are drills.
    Drilled,
    /// Something is wrong with what an AlertRule asks for. Always present.
    Firing,
}

impl ConditionType {
    /// The `type` of the condition.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::Suspended => "Suspended",
            Self::Drifted => "Drifted",
            Self::Fresh => "Fresh",
            Self::Verified => "Verified",
            Self::Drilled => "Drilled",
            Self::Firing => "Firing",
        }
    }

    /// An object of a kind with this condition always has it.
    pub fn is_always_there(self) -> bool {
        matches!(
            self,
            Self::Ready | Self::Drifted | Self::Fresh | Self::Verified | Self::Firing
        )
    }

    /// The condition of this type, where there is one.
    pub fn of(self, conditions: &[Condition]) -> Option<&Condition> {
        conditions.iter().find(|condition| condition.type_ == self.as_str())
    }

    /// The condition of this type is there, and True.
    pub fn is_true(self, conditions: &[Condition]) -> bool {
        self.of(conditions).is_some_and(|condition| condition.status == "True")
    }
}

/// Builds the next list of conditions from the last one: `lastTransitionTime` moves only when `status` does.
#[derive(Debug)]
pub struct Conditions<'a> {
    before: &'a [Condition],
    next: Vec<Condition>,
    generation: Option<i64>,
    now: Timestamp,
}

impl<'a> Conditions<'a> {
    /// Starts from `before`; every condition that is set describes `generation` and, where it turned, turned at `now`.
    pub fn new(before: &'a [Condition], generation: Option<i64>, now: Timestamp) -> Self {
        Self {
            before,
            next: Vec::new(),
            generation,
            now,
        }
    }

    /// Sets a condition to `True`, `False`, or `Unknown` for `None`.
    #[must_use]
    pub fn set(mut self, type_: ConditionType, value: Option<bool>, reason: impl Reason, text: &str) -> Self {
        let status = match value {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        };
        let unchanged = type_.of(self.before).filter(|before| before.status == status);
        let turned = unchanged.map_or_else(|| Time(self.now), |c| c.last_transition_time.clone());
        self.next.push(Condition {
            type_: type_.as_str().to_owned(),
            status: status.to_owned(),
            reason: reason.as_str().to_owned(),
            message: message(text),
            observed_generation: self.generation,
            last_transition_time: turned,
        });
        self
    }

    /// Keeps a condition's status, reason and message as they were; what was never set stays unset.
    #[must_use]
    pub fn keep(mut self, type_: ConditionType) -> Self {
        if let Some(condition) = type_.of(self.before) {
            self.next.push(Condition {
                observed_generation: self.generation,
                ..condition.clone()
            });
        }
        self
    }

    /// Keeps a condition; one that was never set is `Unknown`, with this reason.
    #[must_use]
    pub fn keep_or(self, type_: ConditionType, reason: impl Reason, text: &str) -> Self {
        match type_.of(self.before) {
            Some(_) => self.keep(type_),
            None => self.set(type_, None, reason, text),
        }
    }

    /// An attempt is in progress or will be repeated; `ready` is the value of `Ready`.
    #[must_use]
    pub fn reconciling(self, ready: Option<bool>, reason: impl Reason, text: &str) -> Self {
        self.set(ConditionType::Ready, ready, reason, text)
            .set(ConditionType::Reconciling, Some(true), reason, text)
    }

    /// A person has to act.
    #[must_use]
    pub fn stalled(self, reason: impl Reason, text: &str) -> Self {
        self.set(ConditionType::Ready, Some(false), reason, text)
            .set(ConditionType::Stalled, Some(true), reason, text)
    }

    /// Nothing is to be touched, for this reason. A `Ready` that was True stays True, with its reason, where the desired state
    /// `is_live`; else it is False, with the reason `unready`.
    #[must_use]
    pub fn suspended<R: Reason>(mut self, is_live: bool, unready: R, reason: R, text: &str) -> Self {
        let stays = ConditionType::Ready
            .of(self.before)
            .filter(|before| is_live && before.status == "True");
        let next = match stays {
            Some(before) => {
                let ready = Condition {
                    message: message(text),
                    observed_generation: self.generation,
                    ..before.clone()
                };
                self.next.push(ready);
                self
            }
            None => self.set(ConditionType::Ready, Some(false), unready, text),
        };
        next.set(ConditionType::Suspended, Some(true), reason, text)
    }

    /// The finished list.
    pub fn finish(self) -> Vec<Condition> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{ConditionType, Conditions};
    use crate::PlatformReason;

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let (first, second, third) = (at(1), at(2), at(3));
        let before = Conditions::new(&[], Some(1), first)
            .set(ConditionType::Ready, Some(false), PlatformReason::Observing, "a")
            .finish();
        let same = Conditions::new(&before, Some(2), second)
            .set(ConditionType::Ready, Some(false), PlatformReason::Unreachable, "b")
            .finish();
        assert_eq!(
            (same[0].last_transition_time.0, same[0].observed_generation),
            (first, Some(2))
        );
        let turned = Conditions::new(&same, Some(2), third)
            .set(ConditionType::Ready, Some(true), PlatformReason::Reachable, "c")
            .finish();
        assert_eq!(turned[0].last_transition_time.0, third);
    }

    #[test]
    fn a_kept_condition_is_the_old_one_for_the_new_generation() {
        let before = Conditions::new(&[], Some(1), at(1))
            .set(ConditionType::Drifted, None, PlatformReason::Observing, "a")
            .finish();
        let kept = Conditions::new(&before, Some(2), at(9))
            .keep(ConditionType::Drifted)
            .keep(ConditionType::Ready)
            .finish();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].message, "a");
        assert_eq!(kept[0].observed_generation, Some(2));
    }

    #[test]
    fn a_condition_that_was_never_set_is_unknown_where_it_would_be_kept() {
        let kept = |before: &[_]| {
            let next = Conditions::new(before, Some(1), at(1));
            next.keep_or(ConditionType::Drifted, PlatformReason::Observing, "a")
                .finish()
        };
        let unknown = Conditions::new(&[], Some(1), at(1))
            .set(ConditionType::Drifted, None, PlatformReason::Observing, "a")
            .finish();
        assert_eq!(kept(&[]), unknown);
        let before = Conditions::new(&[], Some(1), at(0))
            .set(ConditionType::Drifted, Some(true), PlatformReason::NotObserved, "b")
            .finish();
        assert_eq!(kept(&before), before);
    }

    #[test]
    fn whoever_is_suspended_stays_ready_only_while_the_desired_state_is_live() {
        use PlatformReason::{Observing, Reachable, SuspendedByUser};
        let ready = Conditions::new(&[], Some(1), at(0))
            .set(ConditionType::Ready, Some(true), Reachable, "a")
            .finish();
        for (before, is_live, reason) in [
            (&ready[..], true, "Reachable"),
            (&ready[..], false, "Observing"),
            (&[][..], true, "Observing"),
        ] {
            let next = Conditions::new(before, Some(1), at(1))
                .suspended(is_live, Observing, SuspendedByUser, "b")
                .finish();
            assert_eq!(ConditionType::Ready.of(&next).unwrap().reason, reason);
            assert_eq!(ConditionType::Ready.is_true(&next), reason == "Reachable");
            assert!(ConditionType::Suspended.is_true(&next));
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }
}
