/// Identity of a database server. A restored copy differs in its timeline, another cluster in its system identifier.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// Version of the server without its packager's words: `15.18`, `18beta2`.
    pub server_version: String,
    /// Decimal digits, set once by `initdb`; physical copies keep it, a dump and restore does not.
    pub system_identifier: String,
    /// As of the last checkpoint: a server that was just promoted shows the old one until its next.
    pub timeline: i64,
}

/// Query of the three columns of an [`Identity`]. Any role may call these functions (checked on PostgreSQL 15).
pub(crate) const IDENTIFY: &str = "SELECT pg_catalog.current_setting('server_version'), s.system_identifier, c.timeline_id \
     FROM pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c";

impl Identity {
    /// From the columns of [`IDENTIFY`]; `None` if they are not what PostgreSQL returns.
    pub(crate) fn from_columns([version, system_identifier, timeline]: [&str; 3]) -> Option<Self> {
        // `15.18 (Debian 15.18-1.pgdg12+1)`
        let server_version = version.split_whitespace().next()?;
        // 20 digits hold any 64-bit number.
        let is_number =
            (1..=20).contains(&system_identifier.len()) && system_identifier.bytes().all(|b| b.is_ascii_digit());
        (is_number && server_version.len() <= 64).then_some(())?;
        Some(Self {
            server_version: server_version.to_owned(),
            system_identifier: system_identifier.to_owned(),
            timeline: timeline.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Identity;

    #[test]
    fn an_identity_has_the_version_without_its_packagers_words() {
        let identity = Identity::from_columns(["15.18 (Debian 15.18-1)", "7431200000000000001", "3"]);
        let expected = Identity {
            server_version: "15.18".to_owned(),
            system_identifier: "7431200000000000001".to_owned(),
            timeline: 3,
        };
        assert_eq!(identity, Some(expected));
    }

    #[test]
    fn what_no_server_answers_is_no_identity() {
        for columns in [["", "1", "1"], ["15", "one", "1"], ["15", "", "1"], ["15", "1", "x"]] {
            assert_eq!(Identity::from_columns(columns), None);
        }
    }
}
