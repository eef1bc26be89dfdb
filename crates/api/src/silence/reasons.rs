//! The closed list of a Silence's reasons.

use crate::common::reasons::reasons;

reasons! {
    /// Reasons of a Silence's `Ready`, `Reconciling` and `Stalled`.
    SilenceReason + SharedReason {
        Active: Ready = "what it covers is not told now.",
        Waiting: Ready = "it has not begun; the message says when it does.",
        Over: Ready = "it has ended, and nothing is held back any more. Delete it.",
        NotObserved: ReadyUnknown = "it could not be observed for three intervals.",
        ScheduleInvalid: Stalled = "the schedule can't be read, or there is no such time zone. Nothing is held back.",
        TooLong: Stalled = "it lasts longer than 30 days. Nothing is held back.",
    }
}
