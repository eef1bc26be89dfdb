//! What processes used, from `/proc`.

use std::fs;

/// Ticks of `/proc/<pid>/stat` in a second: part of Linux's interface to programs.
const TICKS: f64 = 100.0;

/// CPU seconds of a process, its ended children left out.
pub fn cpu(id: u32) -> f64 {
    stat(id).map_or(0.0, |stat| stat.own)
}

/// CPU seconds of all ended children of a process that it waited for.
pub fn ended_children(id: u32) -> f64 {
    stat(id).map_or(0.0, |stat| stat.children)
}

/// CPU seconds of the running children of a process that have one of these names (as the kernel cuts them).
pub fn children_named(id: u32, names: &[&str]) -> f64 {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(stat)
        .filter(|stat| stat.parent == id && names.contains(&stat.name.as_str()))
        .map(|stat| stat.own)
        .sum()
}

/// A field of `/proc/<pid>/status` in MiB, e.g. `VmHWM`.
pub fn memory(id: u32, field: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) / 1024.0
}

/// The machine's load over the last minute.
pub fn load() -> String {
    let averages = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split(' ').next().unwrap_or_default().to_owned()
}

struct Stat {
    name: String,
    parent: u32,
    own: f64,
    children: f64,
}

fn stat(id: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name may hold anything, also blanks and brackets.
    let (before, after) = text.rsplit_once(") ")?;
    let fields: Vec<&str> = after.split(' ').collect();
    let seconds = |from: usize| {
        Some((fields.get(from)?.parse::<f64>().ok()? + fields.get(from + 1)?.parse::<f64>().ok()?) / TICKS)
    };
    Some(Stat {
        name: before.split_once('(')?.1.to_owned(),
        parent: fields.get(1)?.parse().ok()?,
        own: seconds(11)?,
        children: seconds(13)?,
    })
}
