//! The contract: custom resources, conditions and reasons. No client, no clock.
