use std::time::Duration;

/// Times of a contest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Terms {
    /// A Lease that was not renewed for so long is free.
    pub duration: Duration,
    /// Who has not renewed it for so long does not act any more. The rest is for what is on its way.
    pub deadline: Duration,
    /// Between two renewals, and the most that one may take.
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
