//! What a status may hold.

use serde::Serialize;

/// Most bytes that a status takes as JSON: thousands of objects share one API server and its watchers.
const STATUS_BYTES: usize = 12 * 1024;

/// Shortens a status until it fits; the counts beside what it names still have everything. `shorten` drops the one thing that is
/// missed least, and says whether there was one.
pub(crate) fn bounded<S: Clone + Serialize>(mut status: S, shorten: impl Fn(&mut S) -> bool) -> S {
    if fits(&status) {
        return status;
    }
    // The last one that doesn't fit is looked for in steps that double and then halve: to measure the whole status after each thing
    // takes 10 s where others have written 1,000 of them (measured, unoptimised).
    let (mut step, mut grows) = (1, true);
    while step > 0 {
        match without(&status, step, &shorten).filter(|rest| !fits(rest)) {
            Some(rest) => status = rest,
            None => grows = false,
        }
        step = if grows { step * 2 } else { step / 2 };
    }
    shorten(&mut status);
    status
}

fn fits(status: &impl Serialize) -> bool {
    serde_json::to_vec(status).map_or(true, |text| text.len() <= STATUS_BYTES)
}

/// The status without `count` things, if there are so many.
fn without<S: Clone>(status: &S, count: usize, shorten: impl Fn(&mut S) -> bool) -> Option<S> {
    let mut rest = status.clone();
    (0..count).all(|_| shorten(&mut rest)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::{
        collection::vec,
        prelude::{Strategy, any, prop_assert_eq, proptest},
        test_runner::Config,
    };
    use serde::{Serialize, Serializer};

    use super::{STATUS_BYTES, bounded};

    #[derive(Clone, Debug, PartialEq, Serialize)]
    struct Status {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
        history: Vec<Vec<String>>,
        head: String,
    }

    fn shorten(status: &mut Status) -> bool {
        let warned = status.history.iter_mut().rev().find(|event| !event.is_empty());
        warned.and_then(Vec::pop).is_some() || status.warnings.pop().is_some() || status.history.pop().is_some()
    }

    /// One thing after the other.
    fn by_the_rule(mut status: Status) -> Status {
        while serde_json::to_string(&status).unwrap().len() > STATUS_BYTES && shorten(&mut status) {}
        status
    }

    fn texts(most: usize) -> impl Strategy<Value = Vec<String>> {
        vec(
            (any::<char>(), 0..most).prop_map(|(letter, times)| letter.to_string().repeat(times)),
            0..30,
        )
    }

    proptest! {
        #![proptest_config(Config { failure_persistence: None, cases: 64, ..Config::default() })]
        #[test]
        fn no_more_is_dropped_than_has_to_be(
            warnings in texts(300),
            history in vec(texts(20), 0..12),
            head in (0..3_usize).prop_map(|large| "h".repeat(large * 7_000)),
        ) {
            let status = Status { warnings, history, head };
            prop_assert_eq!(bounded(status.clone(), shorten), by_the_rule(status));
        }
    }

    /// Counts how often it is measured.
    #[derive(Clone)]
    struct Measured<'a>(Vec<u8>, &'a Cell<usize>);

    impl Serialize for Measured<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.1.set(self.1.get() + 1);
            self.0.serialize(serializer)
        }
    }

    #[test]
    fn a_status_that_others_have_filled_is_measured_a_few_times() {
        let times = Cell::new(0);
        let status = bounded(Measured(vec![0; 100_000], &times), |status| status.0.pop().is_some());
        // `[0,0]`: two bytes for each, and one more.
        assert_eq!(status.0.len(), (STATUS_BYTES - 1) / 2);
        assert!(times.get() < 60, "{}", times.get());
    }
}
