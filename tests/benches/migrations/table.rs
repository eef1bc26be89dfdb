//! Figures, what they should be, and the load under which they were measured.

use ace_domain::sql::File;
use ace_tests::Operator;

use crate::{
    api::Requests,
    looks::{Looks, Question, Rest},
    sides::{Reported, Turn},
    usage,
};

/// The turns of each way.
#[derive(Default)]
pub struct Turns {
    /// `psql` per file.
    pub plain: Vec<Turn>,
    /// The executor alone.
    pub executor: Vec<Turn>,
    pub operator: Vec<Turn>,
}

/// What is measured.
pub fn head(files: &[File]) {
    let mut sizes: Vec<_> = files.iter().map(|file| file.text.len()).collect();
    let (baseline, lines) = files
        .first()
        .map_or((0, 0), |file| (file.text.len(), file.text.lines().count()));
    let bytes: usize = sizes.iter().sum();
    sizes.sort_unstable();
    let median = sizes[sizes.len() / 2];
    println!(
        "{} files, {bytes} B, median {median} B; the first has {baseline} B in {lines} lines",
        files.len()
    );
}

/// One round of all.
pub fn round(round: usize, turns: &Turns, reported: &Reported) {
    println!("round {round}, load {}", usage::load());
    let sides = [
        ("psql", &turns.plain),
        ("executor", &turns.executor),
        ("operator", &turns.operator),
    ];
    for (side, turns) in sides {
        if let Some(Turn { time, cpu, server }) = turns.last() {
            let cpu = if cpu.is_nan() {
                String::new()
            } else {
                format!("own {cpu:.2} s, ")
            };
            println!("  {side:<9}{:.2} s; CPU: {cpu}server {server:.2} s", time.as_secs_f64());
        }
    }
    let all: f64 = reported.steps.iter().map(|(_, seconds)| seconds).sum();
    let time = turns.operator.last().map_or(f64::NAN, |turn| turn.time.as_secs_f64());
    println!(
        "  operator's steps: {}; beside them {:.2} s",
        steps(reported),
        time - all
    );
    println!(
        "  statuses written: {}; requests to the API server: {}",
        reported.writes,
        shown(&reported.requests)
    );
}

/// Each step with its time.
pub fn steps(reported: &Reported) -> String {
    let steps = reported.steps.iter();
    let steps: Vec<_> = steps.map(|(step, seconds)| format!("{step} {seconds:.2} s")).collect();
    steps.join(", ")
}

/// The ways against each other.
pub fn compare(turns: &Turns, operator: &Operator) {
    let by = |name: &str, ours: &[Turn], value: fn(&Turn) -> f64, aim: &str| {
        let ratios = ours
            .iter()
            .zip(&turns.plain)
            .map(|(ours, plain)| value(ours) / value(plain));
        let mut ratios: Vec<_> = ratios.collect();
        let each: Vec<_> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        println!("{name} / psql: × {:.2} ({}){aim}", median(&mut ratios), each.join(", "));
    };
    by("time, operator", &turns.operator, seconds, "; aim <= 1.2");
    by("time, executor", &turns.executor, seconds, "");
    by("CPU of the server, operator", &turns.operator, |turn| turn.server, "");
    by("CPU of the server, executor", &turns.executor, |turn| turn.server, "");
    by(
        "CPU of both ends, operator",
        &turns.operator,
        |turn| turn.cpu + turn.server,
        "",
    );
    println!(
        "memory of the operator at most: {:.0} MiB",
        usage::memory(operator.process_id(), "VmHWM")
    );
}

/// Questions to the server.
pub fn looks(looks: &Looks) {
    println!("looks at {} objects, load {}", looks.objects, usage::load());
    let kinds = [
        ("gate, first of a session", &looks.gates, "; aim <= 20 ms"),
        ("gate, again", &looks.gates_again, ""),
        (
            "fingerprint, first of a session",
            &looks.fingerprints,
            "; aim <= 150 ms",
        ),
        ("fingerprint, again", &looks.fingerprints_again, ""),
    ];
    for (name, questions, aim) in kinds {
        let of = |value: fn(&Question) -> f64| {
            let mut values: Vec<_> = questions.iter().map(|question| value(question) * 1e3).collect();
            let median = median(&mut values);
            (median, values.last().copied().unwrap_or(f64::NAN))
        };
        let (server, time) = (of(|it| it.server), of(|it| it.time.as_secs_f64()));
        println!(
            "  {name}: server's CPU median {:.1} ms, worst {:.1} ms{aim}; answer after {:.1} ms, worst {:.1} ms ({} times)",
            server.0,
            server.1,
            time.0,
            time.1,
            questions.len()
        );
    }
}

/// A settled set.
pub fn rest(rest: &Rest) {
    #[expect(clippy::cast_precision_loss, reason = "there are some hundred")]
    let statements = rest.statements as f64 / rest.looks;
    println!(
        "a settled set, per interval ({} intervals): {statements:.0} statements with those of its Platform; {:.0} ms of the \
         operator's CPU; requests to the API server in all: {}",
        rest.looks,
        rest.cpu / rest.looks * 1e3,
        shown(&rest.requests)
    );
}

/// What a turn took.
pub fn seconds(turn: &Turn) -> f64 {
    turn.time.as_secs_f64()
}

/// Sorts, and takes the one in the middle.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn shown(requests: &Requests) -> String {
    let each = requests
        .iter()
        .map(|(request, (count, seconds))| format!("{count} {request} ({seconds:.2} s)"));
    let each: Vec<_> = each.collect();
    if each.is_empty() {
        "none".to_owned()
    } else {
        each.join(", ")
    }
}
