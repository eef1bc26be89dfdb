//! A report for people.

use std::fmt::{self, Display, Formatter};

use super::report::{Danger, Outcome, Pending, Report, Seen};

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
        for file in &self.pending {
            let classes: Vec<_> = file.classes.iter().map(|class| class.as_str()).collect();
            let again = if file.again { "runs again" } else { "" };
            let classes = [again, &classes.join(", ")].join(if file.again && !classes.is_empty() { "; " } else { "" });
            let row = format!("{:versions$}  {:names$}  {classes}", file.version, file.name);
            writeln!(f, "{}", row.trim_end())?;
            for (risk, lines) in grouped(&file.risks) {
                let title = if lines.len() == 1 { "line" } else { "lines" };
                let lock = risk.lock.map(|lock| format!(", {lock} lock")).unwrap_or_default();
                let approval = if risk.needs_approval { "; needs an approval" } else { "" };
                let (lines, says, class) = (lines.join(", "), &risk.says, risk.class.as_str());
                writeln!(f, "  {title} {lines}: {says} ({class}{lock}{approval})")?;
            }
        }
        Ok(())
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

/// Each risk once, where it first occurs, with the lines of all equal ones: a file of a hundred UPDATEs has one line.
fn grouped(risks: &[Danger]) -> Vec<(&Danger, Vec<String>)> {
    let mut groups: Vec<(&Danger, Vec<String>)> = Vec::new();
    for risk in risks {
        let same = |known: &Danger| (known.class, &known.says, known.lock) == (risk.class, &risk.says, risk.lock);
        match groups.iter_mut().find(|(known, _)| same(known)) {
            Some((_, lines)) => lines.push(risk.line.to_string()),
            None => groups.push((risk, vec![risk.line.to_string()])),
        }
    }
    groups
}

fn line(f: &mut Formatter<'_>, title: &str, content: impl Display) -> fmt::Result {
    writeln!(f, "{title:12}  {content}")
}

#[cfg(test)]
mod tests {
    use ace_api::RiskClass;

    use super::{Danger, grouped};

    #[test]
    fn equal_dangers_are_one_with_all_lines_and_a_lock_makes_another() {
        let danger = |line, says: &str, lock| Danger {
            class: RiskClass::DataChange,
            line,
            says: says.to_owned(),
            lock,
            needs_approval: false,
        };
        let risks = [
            danger(1, "a", None),
            danger(2, "b", None),
            danger(3, "a", None),
            danger(4, "a", Some("SHARE")),
        ];
        let groups = grouped(&risks).into_iter();
        let groups: Vec<_> = groups
            .map(|(danger, lines)| (danger.says.as_str(), lines.join(" ")))
            .collect();
        assert_eq!(
            groups,
            [("a", "1 3".to_owned()), ("b", "2".to_owned()), ("a", "4".to_owned())]
        );
    }
}
