//! What the PostgreSQL server of the bed used.

use std::{fs, process};

use ace_tests::Database;

use crate::usage;

/// The server's first process.
pub struct Server(u32);

impl Server {
    pub async fn of(database: &Database) -> Self {
        let session = database.session().await;
        let row = session.query_one("SELECT pg_backend_pid()", &[]).await;
        let backend: i32 = row
            .expect("a backend knows its number")
            .try_get(0)
            .expect("its number is one");
        let status = fs::read_to_string(format!("/proc/{backend}/status")).unwrap_or_default();
        let parent = status
            .lines()
            .find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok());
        Self(parent.expect("the backend runs on this machine"))
    }

    /// CPU seconds of all of its processes.
    pub fn cpu(&self) -> f64 {
        let Self(first) = *self;
        usage::cpu(first) + usage::ended_children(first) + usage::children_named(first, &["postgres"])
    }
}

/// CPU seconds of a process since it began, to the nanosecond; not a number where the kernel does not count them.
pub fn precise_cpu(id: i32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{id}/schedstat")).unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|first| first.parse::<f64>().ok());
    nanoseconds.map_or(f64::NAN, |nanoseconds| nanoseconds / 1e9)
}

/// CPU seconds of this process's ended children, which are those that a turn waited for.
pub fn ended_children() -> f64 {
    usage::ended_children(process::id())
}
