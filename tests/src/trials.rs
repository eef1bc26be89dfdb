//! Tests of a harness that is not the compiler's: it has an end, or several beds side by side.

use std::{cell::Cell, future::Future, panic, thread};

use libtest_mimic::Trial;
use tokio::runtime::Builder;

/// The tests of a module, as its function `tests`; those that wait for nothing stand behind a `;`. One that is not named here is dead
/// code, and does not pass the lints.
#[macro_export]
macro_rules! tests {
    ($($waits:ident),* $(,)? $(; $($pure:ident),* $(,)?)?) => {
        pub(crate) fn tests() -> Vec<$crate::Test> {
            vec![
                $($crate::Test::waiting(concat!(module_path!(), "::", stringify!($waits)), $waits),)*
                $($($crate::Test::pure(concat!(module_path!(), "::", stringify!($pure)), $pure),)*)?
            ]
        }
    };
}

thread_local! {
    /// The test that this thread runs.
    static TEST: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// A test by its name, as the compiler's harness would call it.
pub struct Test {
    pub name: &'static str,
    run: Box<dyn FnOnce() + Send>,
}

impl Test {
    /// One that waits, by its whole path.
    ///
    /// # Panics
    /// If the path has no module.
    pub fn waiting<F: Future<Output = ()>>(path: &'static str, test: impl FnOnce() -> F + Send + 'static) -> Self {
        Self::pure(path, || {
            // A proxy of the test has to go on while the test computes.
            let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.expect("a runtime can be made").block_on(test());
        })
    }

    /// One that waits for nothing, by its whole path.
    ///
    /// # Panics
    /// If the path has no module.
    pub fn pure(path: &'static str, test: impl FnOnce() + Send + 'static) -> Self {
        let (_, name) = path.split_once("::").expect("a test lies in a module");
        Self {
            name,
            run: Box::new(test),
        }
    }

    /// Runs it on this thread.
    ///
    /// # Panics
    /// If the test does.
    pub fn run(self) {
        TEST.set(Some(self.name));
        (self.run)();
    }

    /// For the harness.
    pub fn trial(self) -> Trial {
        Trial::test(self.name, || {
            self.run();
            Ok(())
        })
    }
}

/// Several tests write at the same time: each failure says whose it is.
pub fn name_who_panics() {
    panic::set_hook(Box::new(|panic| {
        let thread = thread::current();
        let test = TEST.get().or(thread.name()).unwrap_or("a thread of a test");
        eprintln!("{test}: {panic}");
    }));
}
