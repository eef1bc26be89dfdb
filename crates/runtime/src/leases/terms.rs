use std::time::Duration;

/// Times of a contest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Terms {
    /// A Lease that was not renewed for so long is free.
    pub duration: Duration,
    /// Who has not renewed it for so long does not act any more. The rest is for what is on its way.
    pub deadline: Duration,
    /// Between two renewals.
    pub retry: Duration,
}

impl Default for Terms {
    /// Those of Kubernetes' own controllers, but that a renewal has time to be repeated.
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            deadline: Duration::from_secs(10),
            retry: Duration::from_secs(5),
        }
    }
}

impl Terms {
    /// The most that a write may take: one whose connection was lost is repeated on another, before the deadline.
    pub(super) fn attempt(self) -> Duration {
        self.retry / 2
    }

    /// Terms that are shorter by this factor. For tests only.
    #[must_use]
    pub fn scaled(self, scale: u32) -> Self {
        let scale = scale.max(1);
        Self {
            duration: self.duration / scale,
            deadline: self.deadline / scale,
            retry: self.retry / scale,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Terms;

    #[test]
    fn a_renewal_that_gets_no_answer_can_be_repeated_before_the_deadline() {
        for scale in [1, 5] {
            let terms = Terms::default().scaled(scale);
            // It is repeated after a fifth of the time between two.
            let repeated = terms.retry + terms.attempt() + terms.retry / 5;
            assert!(repeated + terms.attempt() / 2 < terms.deadline, "{terms:?}");
        }
    }
}
