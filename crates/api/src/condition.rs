//! Conditions: which there are, and how a list of them is kept.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::{Reason, message};

/// The conditions of every kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConditionType {
    /// This generation is live and was seen. Always there.
    Ready,
    /// The operator is at it or will try again. There only while True.
    Reconciling,
    /// Only a person can go on. There only while True.
    Stalled,
    /// The spec says so. There only while True.
    Suspended,
    /// The live thing differs from what was applied. Always there.
    Drifted,
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
        }
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
        let unchanged = self
            .before
            .iter()
            .find(|c| c.type_ == type_.as_str() && c.status == status);
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
        if let Some(condition) = self.before.iter().find(|c| c.type_ == type_.as_str()) {
            self.next.push(Condition {
                observed_generation: self.generation,
                ..condition.clone()
            });
        }
        self
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
            .set(ConditionType::Ready, Some(false), PlatformReason::FirstLook, "a")
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
            .set(ConditionType::Drifted, None, PlatformReason::FirstLook, "a")
            .finish();
        let kept = Conditions::new(&before, Some(2), at(9))
            .keep(ConditionType::Drifted)
            .keep(ConditionType::Ready)
            .finish();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].message, "a");
        assert_eq!(kept[0].observed_generation, Some(2));
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }
}
