//! What a Secret says that it is for.

use crate::LABEL_USE;

/// What is read from a Secret. The Secret has to offer it in the label [`LABEL_USE`]: whoever may name a Secret of the namespace
/// in a spec may not read it for that reason.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SecretUse {
    /// Access token of the Management API.
    Token,
    /// Anonymous key of the project, which checks of functions show to its gateway.
    AnonKey,
    /// Password of the database, and the certificate of its CA.
    Database,
    /// URL of a channel's incoming webhook at Slack.
    Slack,
    /// URL and signing secret of a channel's webhook.
    Webhook,
    /// Routing key of a channel's integration at PagerDuty.
    PagerDuty,
    /// User name and password of a channel's mail server.
    Smtp,
    /// Key of the object store where backups are stored.
    BackupStore,
    /// Identity that opens archives of backups.
    BackupKey,
}

/// Between the uses of one Secret: a label's value can have no comma.
const SEPARATOR: char = '.';

impl SecretUse {
    /// Every use.
    pub const ALL: [Self; 9] = [
        Self::Token,
        Self::AnonKey,
        Self::Database,
        Self::Slack,
        Self::Webhook,
        Self::PagerDuty,
        Self::Smtp,
        Self::BackupStore,
        Self::BackupKey,
    ];

    /// The word in the label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::AnonKey => "anon-key",
            Self::Database => "database",
            Self::Slack => "slack",
            Self::Webhook => "webhook",
            Self::PagerDuty => "pagerduty",
            Self::Smtp => "smtp",
            Self::BackupStore => "backup-store",
            Self::BackupKey => "backup-key",
        }
    }

    /// Whether a Secret with this value of the label offers it.
    pub fn is_offered(self, label: Option<&str>) -> bool {
        label.is_some_and(|label| label.split(SEPARATOR).any(|word| word == self.as_str()))
    }

    /// The command that adds this use to those of a Secret with this value of the label.
    pub fn offer(self, label: Option<&str>, namespace: &str, name: &str) -> String {
        let word = self.as_str();
        let (overwrite, value) = match label {
            None => ("", word.to_owned()),
            Some("") => (" --overwrite", word.to_owned()),
            Some(others) => (" --overwrite", format!("{others}{SEPARATOR}{word}")),
        };
        format!("kubectl label secret -n {namespace} {name}{overwrite} {LABEL_USE}={value}")
    }
}

#[cfg(test)]
mod tests {
    use super::SecretUse;

    #[test]
    fn a_secret_offers_the_uses_in_its_label_and_no_other() {
        let offered = |label: Option<&str>| SecretUse::ALL.map(|wanted| wanted.is_offered(label));
        for (label, expected) in [
            (None, [false; 9]),
            (Some(""), [false; 9]),
            (Some("."), [false; 9]),
            (Some("true"), [false; 9]),
            (Some("Token"), [false; 9]),
            (Some("tokens"), [false; 9]),
            (Some("token-anon-key-database"), [false; 9]),
            (
                Some("token"),
                [true, false, false, false, false, false, false, false, false],
            ),
            (
                Some("anon-key"),
                [false, true, false, false, false, false, false, false, false],
            ),
            (
                Some("database"),
                [false, false, true, false, false, false, false, false, false],
            ),
            (
                Some("other.database.token"),
                [true, false, true, false, false, false, false, false, false],
            ),
            (
                Some("token.anon-key.database"),
                [true, true, true, false, false, false, false, false, false],
            ),
        ] {
            assert_eq!(offered(label), expected, "{label:?}");
        }
    }

    #[test]
    fn the_command_that_offers_a_use_keeps_the_others() {
        for (label, expected) in [
            (None, " ops.mobulace.com/use=anon-key"),
            (Some(""), " --overwrite ops.mobulace.com/use=anon-key"),
            (
                Some("token.database"),
                " --overwrite ops.mobulace.com/use=token.database.anon-key",
            ),
        ] {
            let command = SecretUse::AnonKey.offer(label, "ace", "supabase");
            assert_eq!(command, format!("kubectl label secret -n ace supabase{expected}"));
            let value = command.rsplit('=').next();
            assert!(SecretUse::AnonKey.is_offered(value), "{command}");
        }
    }

    #[test]
    fn a_label_has_room_for_every_use_of_a_project_and_for_those_of_its_backups() {
        let words: Vec<&str> = SecretUse::ALL.map(SecretUse::as_str).to_vec();
        for of_backups in [false, true] {
            let all = words.iter().filter(|word| word.starts_with("backup") == of_backups);
            let all = all.copied().collect::<Vec<_>>().join(".");
            assert!(all.len() <= 63, "{all}");
        }
        for word in words {
            let is_fine = |letter: char| letter.is_ascii_lowercase() || letter == '-';
            assert!(word.chars().all(is_fine), "{word} is a part of a label's value");
        }
    }
}
