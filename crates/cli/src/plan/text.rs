//! A report for people.

use std::fmt::{self, Display, Formatter};

use super::report::{Danger, Outcome, Pending, Report, Seen};

/// Most files, dangers of a file, and lines of a danger that are shown: a plan is a few screens, however long the files are.
const FILES: usize = 60;
const RISKS: usize = 12;
const LINES: usize = 8;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            namespace,
            name,
            platform,
            ..
        } = self;
        let project = self.project.as_ref().map(|project| format!(" (project {project})"));
        line(f, "MigrationSet", format_args!("{namespace}/{name}"))?;
        line(f, "Platform", format_args!("{platform}{}", project.unwrap_or_default()))?;
        if let Some(database) = &self.database {
            line(f, "Database", database)?;
        }
        if let Some(source) = &self.source {
            let (files, carrier, revision) = (source.files, &self.carrier, &source.artifact_revision);
            line(
                f,
                "Files",
                format_args!("{files} migrations from {carrier}, {revision}"),
            )?;
            for (title, names) in [("Skipped", &source.skipped), ("Left out", &self.left_out)] {
                if !names.is_empty() {
                    line(f, title, names.join(", "))?;
                }
            }
        }
        if let Some(seen) = &self.seen {
            seen.write(f)?;
        }
        self.table(f)?;
        self.outcome_lines(f)
    }
}

impl Seen {
    fn write(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(target) = &self.target {
            let (version, cluster, timeline) = (&target.server_version, &target.system_identifier, target.timeline);
            line(
                f,
                "Server",
                format_args!("PostgreSQL {version}, cluster {cluster}, timeline {timeline}"),
            )?;
        }
        let head = self.head.as_deref().unwrap_or("none");
        let mut counts = vec![format!("head {head}; {} applied", self.applied)];
        for (number, what) in [
            (self.unverified, "of them unverified"),
            (self.unknown_applied, "unknown (in the ledger, without a file)"),
        ] {
            counts.extend((number > 0).then(|| format!("{number} {what}")));
        }
        line(f, "Ledger", counts.join(", "))?;
        if let Some(schema) = &self.schema {
            line(
                f,
                "Schema",
                format_args!("{} objects, {}", schema.objects, schema.digest),
            )?;
        }
        line(f, "Drifted", format_args!("{}: {}", self.drifted, self.drift_message))?;
        for field in self.drift.iter().flat_map(|drift| &drift.fields) {
            let (path, desired, observed) = (&field.path, &field.desired, &field.observed);
            writeln!(f, "              {path}: should be {desired}, is {observed}")?;
        }
        Ok(())
    }
}

impl Report {
    fn table(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.pending.is_empty() {
            return Ok(());
        }
        let widest = |column: fn(&Pending) -> &str, title: &str| {
            let widths = self.pending.iter().map(|file| column(file).chars().count());
            widths.max().unwrap_or_default().max(title.len())
        };
        let (versions, names) = (
            widest(|file| &file.version, "VERSION"),
            widest(|file| &file.name, "NAME"),
        );
        writeln!(f, "\n{:versions$}  {:names$}  RISKS", "VERSION", "NAME")?;
        for file in self.pending.iter().take(FILES) {
            let classes: Vec<_> = file.classes.iter().map(|class| class.as_str()).collect();
            let again = if file.again { "runs again" } else { "" };
            let classes = [again, &classes.join(", ")].join(if file.again && !classes.is_empty() { "; " } else { "" });
            let row = format!("{:versions$}  {:names$}  {classes}", file.version, file.name);
            writeln!(f, "{}", row.trim_end())?;
            dangers(f, &file.risks)?;
        }
        let rest = self.pending.get(FILES..).unwrap_or_default();
        let guarded = rest.iter().filter(|file| file.needs_approval).count();
        more(f, "", rest.len(), guarded, ["file", "files"])
    }

    fn outcome_lines(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        for step in &self.steps {
            writeln!(f, "The operator {step}.")?;
        }
        if let (Outcome::Runs, Some(digest)) = (self.outcome, &self.digest) {
            writeln!(f, "Plan {digest}")?;
        }
        let message = self.message.as_deref().unwrap_or_default();
        match (self.outcome, self.reason.unwrap_or_default()) {
            (Outcome::Nothing, _) => writeln!(f, "There is no migration to run.")?,
            (Outcome::Runs, _) => writeln!(f, "It can run.")?,
            (Outcome::ApprovalRequired, _) => writeln!(f, "An approval is needed: {message}")?,
            (Outcome::Refused, reason) => writeln!(f, "Nothing would run ({reason}): {message}")?,
            (Outcome::Waits, reason) => writeln!(f, "The outcome is unknown now ({reason}): {message}")?,
        }
        if let Some(approval) = &self.approval {
            writeln!(f, "For `spec.approvals`:\n- plan: {}", approval.plan)?;
        }
        if let Some(idle) = &self.idle {
            writeln!(f, "None of this happens now: {idle}.")?;
        }
        Ok(())
    }
}

/// The dangers of a file. Those that need an approval come first where there are too many.
fn dangers(f: &mut Formatter<'_>, risks: &[Danger]) -> fmt::Result {
    let mut groups = grouped(risks);
    if groups.len() > RISKS {
        groups.sort_by_key(|(risk, _)| !risk.needs_approval);
    }
    for (risk, lines) in groups.iter().take(RISKS) {
        let title = if lines.len() == 1 { "line" } else { "lines" };
        let lock = risk.lock.map(|lock| format!(", {lock} lock")).unwrap_or_default();
        let approval = if risk.needs_approval { "; needs an approval" } else { "" };
        let (lines, says, class) = (numbers(lines), &risk.says, risk.class.as_str());
        writeln!(f, "  {title} {lines}: {says} ({class}{lock}{approval})")?;
    }
    let rest = groups.get(RISKS..).unwrap_or_default();
    let guarded = rest.iter().filter(|(risk, _)| risk.needs_approval).count();
    more(f, "  ", rest.len(), guarded, ["risk", "risks"])
}

/// The first lines, and how many there are besides.
fn numbers(lines: &[u32]) -> String {
    let shown: Vec<_> = lines.iter().take(LINES).map(ToString::to_string).collect();
    let shown = shown.join(", ");
    match lines.len().saturating_sub(LINES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What is not shown, if anything.
fn more(f: &mut Formatter<'_>, indent: &str, rest: usize, guarded: usize, [one, many]: [&str; 2]) -> fmt::Result {
    let what = if rest == 1 { one } else { many };
    match (rest, guarded) {
        (0, _) => Ok(()),
        (_, 0) => writeln!(f, "{indent}and {rest} more {what}; -o json has all"),
        (_, _) => writeln!(
            f,
            "{indent}and {rest} more {what}, of which {guarded} need an approval; -o json has all"
        ),
    }
}

/// Each risk once, where it first occurs, with the lines of all equal ones: a file of a hundred UPDATEs has one line.
fn grouped(risks: &[Danger]) -> Vec<(&Danger, Vec<u32>)> {
    let mut groups: Vec<(&Danger, Vec<u32>)> = Vec::new();
    for risk in risks {
        let same = |known: &Danger| (known.class, &known.says, known.lock) == (risk.class, &risk.says, risk.lock);
        match groups.iter_mut().find(|(known, _)| same(known)) {
            Some((_, lines)) => lines.push(risk.line),
            None => groups.push((risk, vec![risk.line])),
        }
    }
    groups
}

fn line(f: &mut Formatter<'_>, title: &str, content: impl Display) -> fmt::Result {
    writeln!(f, "{title:12}  {content}")
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use ace_api::RiskClass;

    use super::{Danger, dangers, grouped};

    fn danger(line: u32, says: &str, lock: Option<&'static str>) -> Danger {
        Danger {
            class: RiskClass::DataChange,
            line,
            says: says.to_owned(),
            lock,
            needs_approval: false,
        }
    }

    /// The dangers of a file, as they are printed.
    struct Printed(Vec<Danger>);

    impl fmt::Display for Printed {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            dangers(f, &self.0)
        }
    }

    #[test]
    fn ten_thousand_statements_are_one_line_with_the_first_of_their_lines() {
        let inserts = (1..=10_000).map(|line| danger(line, "inserts into t", None)).collect();
        let expected = "  lines 1, 2, 3, 4, 5, 6, 7, 8 and 9992 more: inserts into t (DataChange)\n";
        assert_eq!(Printed(inserts).to_string(), expected);
    }

    #[test]
    fn of_many_dangers_those_that_need_an_approval_are_shown_and_the_rest_is_counted() {
        let mut many: Vec<Danger> = (1..=30)
            .map(|line| danger(line, &format!("drops t{line}"), None))
            .collect();
        many[20].needs_approval = true;
        let printed = Printed(many.clone()).to_string();
        assert_eq!(printed.lines().count(), 13);
        assert!(
            printed.starts_with("  line 21: drops t21 (DataChange; needs an approval)\n  line 1: drops t1 "),
            "{printed}"
        );
        assert!(printed.ends_with("  and 18 more risks; -o json has all\n"), "{printed}");
        for danger in &mut many {
            danger.needs_approval = true;
        }
        let printed = Printed(many).to_string();
        assert!(
            printed.ends_with("  and 18 more risks, of which 18 need an approval; -o json has all\n"),
            "{printed}"
        );
    }

    #[test]
    fn equal_dangers_are_one_with_all_lines_and_a_lock_makes_another() {
        let risks = [
            danger(1, "a", None),
            danger(2, "b", None),
            danger(3, "a", None),
            danger(4, "a", Some("SHARE")),
        ];
        let groups = grouped(&risks).into_iter();
        let groups: Vec<_> = groups.map(|(danger, lines)| (danger.says.as_str(), lines)).collect();
        assert_eq!(groups, [("a", vec![1, 3]), ("b", vec![2]), ("a", vec![4])]);
    }
}
