//! What became of a group of alerts, in words.

use jiff::Timestamp;

use crate::message::MessageId;
use crate::text::one_line;

/// Characters of a title: Slack's limit for a header.
const LONGEST_TITLE: usize = 150;

/// Characters of one alert's line.
const LONGEST_LINE: usize = 500;

/// What became of a group of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    pub change: Change,
    /// The same for every message of a group, and for no other group: what a receiver keeps its incident under.
    pub thread: MessageId,
    /// The first message of the group that may have arrived, where this is a later one.
    pub first: Option<MessageId>,
    /// Name of the group.
    pub group: String,
    /// Where the alerts come from: names of Platforms.
    pub source: String,
    /// That of the gravest alert.
    pub severity: Severity,
    /// How soon somebody is expected to act, in words.
    pub response: String,
    /// Since when the first of them has been firing.
    pub since: Timestamp,
    /// The gravest ones, at most ten; none once all is well.
    pub alerts: Vec<Alert>,
    /// How many there are, those in `alerts` included.
    pub firing: usize,
    pub runbooks: Vec<String>,
    pub contacts: Vec<Contact>,
    /// What shows more, for a shell.
    pub command: String,
    /// An attempt before may have arrived. Said where the receiver can't drop what it has already.
    pub may_be_repeated: bool,
}

/// What became of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It has begun to fire.
    Fired,
    /// More alerts, or graver ones.
    Grew,
    /// It is still firing.
    Lasts,
    /// None of its alerts fires any more.
    Resolved,
}

/// One alert of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Name of the rule.
    pub rule: String,
    pub severity: Severity,
    /// The rule's own words.
    pub summary: String,
    pub value: Option<String>,
    pub threshold: Option<String>,
    pub since: Timestamp,
    /// Of a row of the answer, nothing else is shown.
    pub labels: Vec<(String, String)>,
}

/// Whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    pub name: String,
    /// A URL, such as one of `mailto:`.
    pub address: String,
}

/// How grave an alert is, the mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Info,
    Warning,
    Error,
    Critical,
}

impl Severity {
    /// As it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

impl Change {
    /// `type` of the body of a Standard Webhook.
    pub(crate) fn event(self) -> &'static str {
        match self {
            Self::Fired => "alerts.fired",
            Self::Grew => "alerts.grew",
            Self::Lasts => "alerts.last",
            Self::Resolved => "alerts.resolved",
        }
    }
}

impl News {
    /// `[critical] gift-card-inventory: 2 alerts`, on one line.
    pub(crate) fn title(&self) -> String {
        let (severity, firing) = (self.severity.as_str(), self.firing);
        let what = match (self.change, firing) {
            (Change::Resolved, _) => return one_line(&format!("[resolved] {}", self.group), LONGEST_TITLE),
            (Change::Lasts, 1) => "still 1 alert".to_owned(),
            (Change::Lasts, _) => format!("still {firing} alerts"),
            (_, 1) => "1 alert".to_owned(),
            _ => format!("{firing} alerts"),
        };
        one_line(&format!("[{severity}] {}: {what}", self.group), LONGEST_TITLE)
    }

    /// What a page shows of the gravest alert, on one line: `gift-card-inventory: Book Harbour: 0 cards left`.
    pub fn page_title(&self) -> String {
        let said = self.alerts.first().map_or("", |alert| alert.summary.as_str());
        let title = match said {
            "" => self.group.clone(),
            said => format!("{}: {said}", self.group),
        };
        one_line(&title, LONGEST_TITLE)
    }

    /// The title, and what a single alert says of itself.
    pub(crate) fn headline(&self, limit: usize) -> String {
        // The first alert says more than how many there are.
        let headline = match self.alerts.first().filter(|_| self.firing == 1) {
            Some(alert) if !alert.summary.is_empty() => format!("{}: {}", self.title(), alert.summary),
            _ => self.title(),
        };
        one_line(&headline, limit)
    }

    /// Everything that a person wants to know, a line each.
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        if self.may_be_repeated {
            lines
                .push("You may have had this message before: it was sent, and the receiver did not answer.".to_owned());
        }
        lines.push(match self.change {
            Change::Resolved => format!("None of its alerts fires any more. It began at {}.", self.since),
            _ => format!("Act {}. Firing since {}.", self.response, self.since),
        });
        lines.extend(self.alerts.iter().map(Alert::line));
        let rest = self.firing.saturating_sub(self.alerts.len());
        if rest > 0 && self.change != Change::Resolved {
            lines.push(format!("… and {rest} more"));
        }
        lines.extend(self.runbooks.iter().map(|url| format!("Runbook: {url}")));
        let contacts = self.contacts.iter();
        lines.extend(contacts.map(|contact| format!("Contact: {} {}", contact.name, contact.address)));
        lines.push(format!("More: {}", self.command));
        lines.join("\n")
    }
}

impl Alert {
    /// `critical gift-card-inventory (brand Book Harbour): 0 cards left, 2 wanted; value 0, threshold 2, since …`, on one line.
    pub(crate) fn line(&self) -> String {
        let labels: Vec<String> = self
            .labels
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        let labels = if labels.is_empty() {
            String::new()
        } else {
            format!(" ({})", labels.join(", "))
        };
        let summary = match self.summary.as_str() {
            "" => String::new(),
            summary => format!(": {summary}"),
        };
        let mut facts = Vec::new();
        facts.extend(self.value.as_ref().map(|value| format!("value {value}")));
        facts.extend(
            self.threshold
                .as_ref()
                .map(|threshold| format!("threshold {threshold}")),
        );
        facts.push(format!("since {}", self.since));
        let (severity, rule, facts) = (self.severity.as_str(), &self.rule, facts.join(", "));
        one_line(&format!("{severity} {rule}{labels}{summary}; {facts}"), LONGEST_LINE)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Alert, Change, Contact, News, Severity};
    use crate::message::MessageId;

    /// One brand is out of gift cards.
    pub(crate) fn news() -> News {
        News {
            change: Change::Fired,
            thread: MessageId("msg_thread".to_owned()),
            first: None,
            group: "gift-card-inventory".to_owned(),
            source: "prod".to_owned(),
            severity: Severity::Critical,
            response: "at once".to_owned(),
            since: "2026-11-23T10:14:00Z".parse().unwrap(),
            alerts: vec![Alert {
                rule: "gift-card-inventory".to_owned(),
                severity: Severity::Critical,
                summary: "Book Harbour: 0 cards left, 2 wanted".to_owned(),
                value: Some("0".to_owned()),
                threshold: Some("2".to_owned()),
                since: "2026-11-23T10:14:00Z".parse().unwrap(),
                labels: vec![("brand".to_owned(), "Book Harbour".to_owned())],
            }],
            firing: 1,
            runbooks: vec!["https://docs.example.com/runbooks/gift-cards".to_owned()],
            contacts: vec![Contact {
                name: "devops".to_owned(),
                address: "mailto:devops@mobulace.com".to_owned(),
            }],
            command: "kubectl --namespace ace describe alert gift-card-inventory".to_owned(),
            may_be_repeated: false,
        }
    }

    #[test]
    fn a_message_says_how_grave_since_when_whom_to_ask_and_what_to_run() {
        assert_eq!(
            (news().title(), news().text()),
            (
                "[critical] gift-card-inventory: 1 alert".to_owned(),
                "Act at once. Firing since 2026-11-23T10:14:00Z.\n\
                 critical gift-card-inventory (brand Book Harbour): Book Harbour: 0 cards left, 2 wanted; value 0, threshold 2, since 2026-11-23T10:14:00Z\n\
                 Runbook: https://docs.example.com/runbooks/gift-cards\n\
                 Contact: devops mailto:devops@mobulace.com\n\
                 More: kubectl --namespace ace describe alert gift-card-inventory"
                    .to_owned()
            )
        );
    }

    #[test]
    fn each_change_has_its_title_and_the_rest_is_counted() {
        let title = |change, firing| {
            News {
                change,
                firing,
                ..news()
            }
            .title()
        };
        assert_eq!(title(Change::Grew, 12), "[critical] gift-card-inventory: 12 alerts");
        assert_eq!(title(Change::Lasts, 1), "[critical] gift-card-inventory: still 1 alert");
        assert_eq!(title(Change::Resolved, 0), "[resolved] gift-card-inventory");
        let many = News { firing: 12, ..news() };
        assert!(many.text().contains("\n… and 11 more\n"), "{}", many.text());
        let repeated = News {
            may_be_repeated: true,
            ..news()
        };
        assert!(
            repeated.text().starts_with("You may have had this message before"),
            "{}",
            repeated.text()
        );
    }

    #[test]
    fn a_page_names_the_rule_and_says_its_words() {
        assert_eq!(
            news().page_title(),
            "gift-card-inventory: Book Harbour: 0 cards left, 2 wanted"
        );
        let mut wordless = news();
        wordless.alerts[0].summary = String::new();
        assert_eq!(wordless.page_title(), "gift-card-inventory");
    }

    #[test]
    fn no_label_begins_a_line_of_its_own() {
        let mut forged = news();
        forged.alerts[0].labels[0].1 = "x\r\nRunbook: https://evil.example\u{202e}".to_owned();
        forged.group = "a\nb".to_owned();
        assert_eq!(forged.text().lines().count(), news().text().lines().count());
        assert_eq!(forged.title(), "[critical] a b: 1 alert");
        assert!(!forged.text().contains('\u{202e}'));
    }
}
