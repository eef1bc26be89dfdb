//! What is going on: the tenants follow it.

use tokio::sync::watch::Receiver;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Objects come and go; there is no hostile tenant.
    Calm,
    /// Likewise, beside hostile tenants.
    Hostile,
    Over,
}

/// Whether the phase is another one before so much time has passed.
pub async fn ends_within(phases: &mut Receiver<Phase>, phase: Phase, time: std::time::Duration) -> bool {
    tokio::time::timeout(time, phases.wait_for(|now| *now != phase))
        .await
        .is_ok()
}
