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
    /// A write that has no answer for so long is repeated beside it: its connection may be lost.
    pub(super) fn attempt(self) -> Duration {
        self.retry / 2
    }

    /// The most that a write and its repetition may take: a renewal is answered before the deadline or not at all.
    pub(super) fn patience(self) -> Duration {
        self.deadline.saturating_sub(self.retry)
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
            assert!(terms.attempt() * 2 <= terms.patience(), "{terms:?}");
            assert!(terms.retry + terms.patience() <= terms.deadline, "{terms:?}");
        }
    }
}
