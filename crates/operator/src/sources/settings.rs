use std::time::Duration;

use ace_domain::bundle::ArchiveLimits;
use ace_egress::AllowedHosts;

use crate::connections::grants::Installation;

/// Settings of the source reader.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Hosts from which artifacts may be downloaded.
    pub hosts: AllowedHosts,
    /// Limits of an archive.
    pub limits: ArchiveLimits,
    /// Bytes of trees in the cache. 64 MiB: some sixty trees like the real one, which has 1 MB. An evicted tree is downloaded
    /// again.
    pub cache: usize,
    /// Bytes of artifacts that are downloaded or wait to be unpacked, but for those of a few MiB. 64 MiB: two of the largest, beside
    /// the 128 MiB that one takes unpacked.
    pub room: usize,
    /// Deadline of one request to the API server. 30 s.
    pub read: Duration,
    /// Deadline of one download. 60 s, for 32 MiB at some 5 Mbit/s.
    pub download: Duration,
    /// Until a source that could not be read is read again; doubled by each further failure. 15 s.
    pub retry_first: Duration,
    /// Longest such wait. 5 min.
    pub retry_most: Duration,
    /// Shortest time between two discoveries of Flux kinds. 1 min.
    pub discovery: Duration,
    /// Names under which the operator is installed.
    pub installation: Installation,
}

impl Settings {
    /// The defaults, with these allowed hosts.
    pub fn new(hosts: AllowedHosts) -> Self {
        Self {
            hosts,
            limits: ArchiveLimits::default(),
            cache: 64 << 20,
            room: 64 << 20,
            read: Duration::from_secs(30),
            download: Duration::from_mins(1),
            retry_first: Duration::from_secs(15),
            retry_most: Duration::from_mins(5),
            discovery: Duration::from_mins(1),
            installation: Installation::default(),
        }
    }

    /// Divides waits by `scale`, for tests and benchmarks. Deadlines stay, because the machine is no faster.
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
