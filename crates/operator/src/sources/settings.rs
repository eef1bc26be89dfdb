use std::time::Duration;

use ace_domain::bundle::ArchiveLimits;
use ace_egress::AllowedHosts;

use crate::connections::grants::Installation;

/// How sources are read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Hosts that an artifact may lie on.
    pub hosts: AllowedHosts,
    /// What an archive may cost.
    pub limits: ArchiveLimits,
    /// Bytes of trees that are kept for the next look. 64 MiB: some sixty trees like the real one, which has 1 MB. A tree
    /// that was given up is fetched anew.
    pub cache: usize,
    /// Deadline of one request to the API server. 30 s.
    pub read: Duration,
    /// Deadline of one download. 60 s, for 32 MiB at some 5 Mbit/s.
    pub download: Duration,
    /// Until a source that could not be read is read again; doubled by each further failure. 15 s.
    pub retry_first: Duration,
    /// Longest such wait. 5 min.
    pub retry_most: Duration,
    /// How often the API server is asked for a Flux kind that it does not serve. 1 min.
    pub discovery: Duration,
    /// Under which names the operator is installed.
    pub installation: Installation,
}

impl Settings {
    /// The defaults, with the hosts that may be asked.
    pub fn new(hosts: AllowedHosts) -> Self {
        Self {
            hosts,
            limits: ArchiveLimits::default(),
            cache: 64 << 20,
            read: Duration::from_secs(30),
            download: Duration::from_mins(1),
            retry_first: Duration::from_secs(15),
            retry_most: Duration::from_mins(5),
            discovery: Duration::from_mins(1),
            installation: Installation::default(),
        }
    }

    /// Waits divided by `scale`, for tests and benchmarks that run in shortened time. Deadlines stay as they are, because
    /// the machine is no faster then.
    #[must_use]
    pub fn scaled(self, scale: u32) -> Self {
        let scale = scale.max(1);
        Self {
            retry_first: self.retry_first / scale,
            retry_most: self.retry_most / scale,
            discovery: self.discovery / scale,
            ..self
        }
    }
}
