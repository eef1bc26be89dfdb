//! One bed for all tests of a test program.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::{Bed, BedConfig, PlatformBackups, Progress, file};

/// The bed of this process: started at the first call (measured: 4 s), empty then, shared by all later ones. It goes
/// with the process, and what it left on disk with the next test program.
///
/// # Panics
/// When the bed does not come up.
pub fn shared() -> &'static Bed {
    static BED: OnceLock<Bed> = OnceLock::new();
    // A thread of its own, so that this may be called inside and outside of an executor; and an executor of its own,
    // since the tests' end with the test that called first.
    BED.get_or_init(|| std::thread::scope(|scope| scope.spawn(start).join()).expect("the bed comes up"))
}

fn start() -> Bed {
    static EXECUTOR: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let executor = EXECUTOR.get_or_init(|| tokio::runtime::Runtime::new().expect("threads can be started"));
    let config = BedConfig {
        directory: fresh_directory(),
        projects: Vec::new(),
        platform_backups: PlatformBackups::MadeUp,
        scratch: false,
        node: false,
        progress: Progress::Lines,
    };
    executor
        .block_on(Bed::start(config))
        .unwrap_or_else(|error| panic!("{}", explain(&error)))
}

/// A new directory for a bed where PostgreSQL's user can enter. It is removed by a later call of another process, after
/// this one has ended.
///
/// # Panics
/// When the directory can't be made.
pub fn fresh_directory() -> PathBuf {
    let beds = std::env::temp_dir().join("ace-beds");
    sweep(&beds);
    let directory = beds.join(format!(
        "{}-{}",
        std::process::id(),
        hex::encode(rand::random::<[u8; 4]>())
    ));
    fs::create_dir_all(&directory).expect("the directory for temporary files can be written to");
    directory
}

/// Removes the directories of processes that are gone.
fn sweep(beds: &Path) {
    for bed in fs::read_dir(beds).into_iter().flatten().flatten() {
        let name = bed.file_name().into_string().unwrap_or_default();
        let owner = name
            .split('-')
            .next()
            .and_then(|pid| pid.parse().ok())
            .and_then(rustix::process::Pid::from_raw);
        let gone = owner.is_none_or(|pid| rustix::process::test_kill_process(pid).is_err());
        // Whoever comes up or ends there holds it; a leftover that can't be removed now is no concern of a test.
        if gone && !file::is_held(&bed.path()) {
            let _ = fs::remove_dir_all(bed.path());
        }
    }
}

/// An error with all that caused it, on one line.
pub fn explain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
