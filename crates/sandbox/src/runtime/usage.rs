//! What a process uses, read from `/proc`.

use std::fs;
use std::time::Duration;

/// Clock ticks of `/proc/<pid>/stat`: the kernel reports user-space times in units of 1/100 s on every architecture.
const TICK: Duration = Duration::from_millis(10);

/// A look at one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    /// Bytes of resident memory without mapped files: Deno's binary is shared and not the function's.
    pub(super) memory: u64,
    /// CPU time of all its threads since it started.
    pub(super) cpu: Duration,
}

/// `None` when the process is gone.
pub(super) fn of(pid: u32) -> Option<Usage> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(Usage {
        memory: memory(&status),
        cpu: cpu(&stat)?,
    })
}

fn memory(status: &str) -> u64 {
    let kibibytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    let sum = kibibytes("RssAnon:").unwrap_or(0) + kibibytes("RssShmem:").unwrap_or(0);
    sum * 1024
}

fn cpu(stat: &str) -> Option<Duration> {
    // The second field is the command in parentheses and may itself hold spaces and parentheses.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let user: u32 = fields.nth(11)?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(TICK * user.checked_add(system)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_and_shared_memory_count_and_files_do_not() {
        let status = "VmRSS:\t  9000 kB\nRssAnon:\t    1000 kB\nRssFile:\t 7000 kB\nRssShmem:\t      24 kB\n";
        assert_eq!(memory(status), 1024 * 1024);
    }

    #[test]
    fn a_command_with_spaces_does_not_shift_the_fields() {
        let stat = "7 (a b) c) R 1 1 1 0 -1 4194304 100 0 0 0 150 25 0 0 20 0 1 0";
        assert_eq!(cpu(stat), Some(Duration::from_millis(1750)));
    }
}
