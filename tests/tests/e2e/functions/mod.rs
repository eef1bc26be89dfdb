//! EdgeFunctions end to end: the operator's process under its ServiceAccount, the real API server, a platform that the
//! official CLI talks to. One operator serves all of these tests, each in a namespace and a project of its own.

mod access;
mod drift;
mod first_contact;
mod garbage;
mod lives;
mod outage;
mod reported;
mod rollout;
pub(crate) mod sources;

use ace_tests::Test;

/// The tests of all modules.
pub(crate) fn tests() -> Vec<Test> {
    let modules = [
        access::tests(),
        drift::tests(),
        first_contact::tests(),
        garbage::tests(),
        lives::tests(),
        outage::tests(),
        reported::tests(),
        rollout::tests(),
    ];
    modules.into_iter().flatten().collect()
}

/// Between two looks, where a test waits for them: 1.5 s at the shared operator's pace.
const OFTEN: &str = "90s";
/// Where nothing depends on a look: 24 minutes at that pace, so that whatever happens was caused.
const RARELY: &str = "24h";
