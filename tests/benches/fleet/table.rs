//! Figures, what they should be, and the load under which they were measured.

use std::fmt;

use crate::{
    bare::say,
    count::{Counts, shown, total, writes},
    sides::{INTERVALS, Settled, Turn},
    unchanged::Cost,
    usage,
};

/// What is printed at the end.
pub struct Table {
    functions: usize,
    platforms: usize,
    rows: Vec<Row>,
}

struct Row {
    figure: String,
    measured: String,
    aim: &'static str,
    load: String,
}

impl Table {
    /// Of a fleet of this size.
    pub fn new(functions: usize, platforms: usize) -> Self {
        Self {
            functions,
            platforms,
            rows: Vec::new(),
        }
    }

    fn row(&mut self, figure: &str, measured: String, aim: &'static str) {
        say(&format!("{figure}: {measured}"));
        self.rows.push(Row {
            figure: figure.to_owned(),
            measured,
            aim,
            load: usage::load(),
        });
    }

    /// One side's turn.
    pub fn turn(&mut self, side: &str, round: usize, turn: &Turn) {
        let Turn {
            time,
            cpu,
            checks,
            cluster_cpu,
            ..
        } = turn;
        let text = format!(
            "{:.1} s; CPU {cpu:.2} s, of the platform's deploy-time checks (deno) {checks:.1} s, of the cluster {cluster_cpu:.1} s",
            time.as_secs_f64()
        );
        self.row(&format!("{side} {round}, until all are Ready"), text, "");
        say(&format!("    to the API server: {}", shown(&turn.cluster)));
        say(&format!("    to the platform: {}", shown(&turn.platform)));
    }

    /// The sides against each other.
    pub fn compare(&mut self, operators: &[Turn], bares: &[Turn]) {
        let ratio = |value: &dyn Fn(&Turn) -> f64| {
            let sum = |turns: &[Turn]| turns.iter().map(value).sum::<f64>();
            let each = operators
                .iter()
                .zip(bares)
                .map(|(ours, theirs)| format!("{:.2}", value(ours) / value(theirs)));
            format!(
                "× {:.2} ({})",
                sum(operators) / sum(bares),
                each.collect::<Vec<_>>().join(", ")
            )
        };
        let (time, cpu) = (ratio(&|turn| turn.time.as_secs_f64()), ratio(&|turn| turn.cpu));
        self.row("time, operator / bare client", time, "<= 1.15");
        self.row("CPU, operator / bare client", cpu, "<= 2");
        let Some((ours, theirs)) = operators.last().zip(bares.last()) else {
            return;
        };
        let (ours_each, theirs_each) = (
            per_object(&ours.cluster, self.functions),
            per_object(&theirs.cluster, self.functions),
        );
        self.row("API writes per object, operator", ours_each, "2 status");
        self.row("API writes per object, bare client", theirs_each, "");
        let uploads = |turn: &Turn| per(total(&turn.platform), self.functions);
        let text = format!("{} (bare client: {})", uploads(ours), uploads(theirs));
        self.row("Management API requests per object", text, "");
    }

    /// Functions that are made where the operator has seen the Platform already.
    pub fn on_known_platform(&mut self, functions: usize, cluster: &Counts) {
        let text = per_object(cluster, functions);
        self.row(
            "API writes per new object on a Platform that is known",
            text,
            "2 status",
        );
    }

    /// Three intervals of a settled fleet.
    pub fn settled(&mut self, settled: &Settled) {
        let Settled {
            platform,
            cluster,
            enqueued,
            cpu,
        } = settled;
        let intervals = usize::try_from(INTERVALS).unwrap_or(usize::MAX);
        let text = format!(
            "{} to the platform ({:.2} per Platform and interval), {} API writes, {enqueued} functions enqueued; CPU {cpu:.3} s per interval",
            shown(platform),
            ratio(total(platform), intervals * self.platforms),
            writes(cluster)
        );
        self.row(
            "settled, three intervals",
            text,
            "1 list per Platform and interval, 0 writes",
        );
        say(&format!("    to the API server: {}", shown(cluster)));
    }

    /// A new process over a settled fleet.
    pub fn restarted(&mut self, platform: &Counts, cluster: &Counts, cpu: f64) {
        let text = format!(
            "{} to the platform, {} API writes; CPU {cpu:.2} s",
            shown(platform),
            writes(cluster)
        );
        self.row("restarted over a settled fleet, first interval", text, "0 writes");
        say(&format!("    to the API server: {}", shown(cluster)));
    }

    /// Resident now, and at most.
    pub fn memory(&mut self, [now, most]: [f64; 2]) {
        self.row(
            "operator's memory, settled",
            format!("{now:.1} MiB resident, {most:.1} MiB at most"),
            "<= 25 MiB",
        );
    }

    /// Functions that have not changed.
    pub fn unchanged(&mut self, functions: usize, ours: &Cost, theirs: &Cost) {
        let text = format!(
            "{} requests ({}) in {:.1} s; {} API writes, CPU {:.2} s",
            total(&ours.platform),
            shown(&ours.platform),
            ours.time.as_secs_f64(),
            writes(&ours.cluster),
            ours.cpu
        );
        self.row(&format!("{functions} unchanged functions, operator"), text, "1 request");
        let text = format!(
            "{} requests ({}) in {:.1} s",
            total(&theirs.platform),
            shown(&theirs.platform),
            theirs.time.as_secs_f64()
        );
        self.row(
            &format!("{functions} unchanged functions, official CLI --use-api"),
            text,
            "",
        );
    }
}

fn per_object(cluster: &Counts, functions: usize) -> String {
    let count = |of: &dyn Fn(&str) -> bool| {
        let hits = cluster.iter().filter(|(request, _)| of(request));
        hits.map(|(_, count)| *count).sum::<usize>()
    };
    let status = count(&|request| request == "patch edgefunctions/status");
    let archives = count(&|request| request == "create configmaps");
    let events = count(&|request| request.ends_with(" events"));
    let others = writes(cluster) - status - archives - events;
    let reads = total(cluster) - writes(cluster);
    let each = |count: usize| per(count, functions);
    format!(
        "{} status (the intent's included), {} archives, {} events, {} others; {} reads",
        each(status),
        each(archives),
        each(events),
        each(others),
        each(reads)
    )
}

fn ratio(count: usize, of: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    number(count) / number(of)
}

fn per(count: usize, of: usize) -> String {
    format!("{:.2}", ratio(count, of))
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        writeln!(
            formatter,
            "\n{} functions on {} platforms, {cores} cores\n",
            self.functions, self.platforms
        )?;
        writeln!(formatter, "| figure | measured | aim | load |\n|---|---|---|---|")?;
        for Row {
            figure,
            measured,
            aim,
            load,
        } in &self.rows
        {
            writeln!(formatter, "| {figure} | {measured} | {aim} | {load} |")?;
        }
        Ok(())
    }
}
