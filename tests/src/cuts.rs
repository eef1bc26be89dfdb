//! What several proxies count together, and where they cut. Has no other file of this crate: the tests of `ace-database` include
//! it.

use std::sync::{Arc, Mutex, MutexGuard};

use rustix::process::{Pid, Signal, kill_process};

/// On which side of the other end the client is cut off.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// The request was sent and never arrives.
    Before,
    /// The request has taken effect and is never answered.
    After,
}

/// Where to cut, and what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cut {
    /// The process that is killed; `None` cuts the request's connection and nothing else.
    pub process_id: Option<u32>,
    /// It is stopped in the place of being killed: its request, or the answer to it, is held back until all is disarmed.
    pub stops: bool,
    /// Only requests whose names begin so are counted.
    pub of: &'static str,
    /// Which of them, from 0.
    pub at: usize,
    /// Before it arrives, or after it took effect.
    pub side: Side,
}

/// What several proxies count together.
#[derive(Clone, Default)]
pub struct Cuts(Arc<Mutex<Count>>);

#[derive(Default)]
struct Count {
    armed: Option<Cut>,
    seen: Vec<String>,
    cut: Option<String>,
}

/// What becomes of a request.
pub(crate) enum Forwarding {
    Pass,
    PassAndCut,
    Drop,
}

impl Cuts {
    /// From now on, kills the process at its request number `at`, counted from 0.
    pub fn arm(&self, process_id: u32, at: usize, side: Side) {
        self.arm_at(Cut {
            process_id: Some(process_id),
            stops: false,
            of: "",
            at,
            side,
        });
    }

    /// From now on, stops the process at its request number `at`, counted from 0. What others request passes.
    pub fn arm_to_stop(&self, process_id: u32, at: usize, side: Side) {
        self.arm_at(Cut {
            process_id: Some(process_id),
            stops: true,
            of: "",
            at,
            side,
        });
    }

    /// Counts from now on, and cuts there. After a process was killed nothing passes until all is armed, or disarmed, anew.
    pub fn arm_at(&self, cut: Cut) {
        *self.count() = Count {
            armed: Some(cut),
            ..Count::default()
        };
    }

    /// Counts no more; what was cut off is known afterwards, and which requests came.
    pub fn disarm(&self) -> (Option<String>, Vec<String>) {
        let count = std::mem::take(&mut *self.count());
        (count.cut, count.seen)
    }

    /// Whether a process is killed, and not only a connection cut.
    pub(crate) fn kill(&self) -> bool {
        self.count().armed.as_ref().is_some_and(|cut| cut.process_id.is_some())
    }

    /// Whether a process is stopped.
    pub(crate) fn stops(&self) -> bool {
        self.count().armed.as_ref().is_some_and(|cut| cut.stops)
    }

    /// The requests that came since it was armed.
    pub fn seen(&self) -> Vec<String> {
        self.count().seen.clone()
    }

    /// Whether it was cut.
    pub fn has_cut(&self) -> bool {
        self.count().cut.is_some()
    }

    pub(crate) fn arrived(&self, request: &str) -> Forwarding {
        let mut count = self.count();
        let Some(armed) = &count.armed else {
            return Forwarding::Pass;
        };
        if count.cut.is_some() {
            let is_killed = armed.process_id.is_some() && !armed.stops;
            return if is_killed { Forwarding::Drop } else { Forwarding::Pass };
        }
        if !request.starts_with(armed.of) {
            return Forwarding::Pass;
        }
        let (is_due, side) = (count.seen.len() == armed.at, armed.side);
        count.seen.push(request.to_owned());
        match side {
            Side::Before if is_due => {
                fire(&mut count, request);
                Forwarding::Drop
            }
            Side::After if is_due => Forwarding::PassAndCut,
            _ => Forwarding::Pass,
        }
    }

    /// Cuts behind a request that was answered.
    pub(crate) fn fire(&self, request: &str) {
        fire(&mut self.count(), request);
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.0.lock().expect("nobody panics while counting")
    }
}

fn fire(count: &mut Count, request: &str) {
    let Some(armed) = &count.armed else { return };
    if let Some(process_id) = armed.process_id {
        let process = i32::try_from(process_id).ok().and_then(Pid::from_raw);
        let signal = if armed.stops { Signal::STOP } else { Signal::KILL };
        kill_process(process.expect("a process has a number"), signal).expect("the process runs");
    }
    count.cut = Some(format!("{:?} {request}", armed.side));
}
