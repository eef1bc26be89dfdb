use ace_api::DatabaseStatus;

/// Query of the three columns of an identity. Any role may call these functions (checked on PostgreSQL 15).
pub(crate) const IDENTIFY: &str = "SELECT pg_catalog.current_setting('server_version'), s.system_identifier, c.timeline_id \
     FROM pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c";

/// From the columns of [`IDENTIFY`]; `None` if they are not what PostgreSQL returns. The timeline is that of the last checkpoint:
/// a server that was just promoted shows the old one until its next.
pub(crate) fn identity([version, system_identifier, timeline]: [&str; 3]) -> Option<DatabaseStatus> {
    // `15.18 (Debian 15.18-1.pgdg12+1)`
    let server_version = version.split_whitespace().next()?;
    // 20 digits hold any 64-bit number.
    let is_number =
        (1..=20).contains(&system_identifier.len()) && system_identifier.bytes().all(|b| b.is_ascii_digit());
    let is_version = server_version.len() <= 64 && server_version.starts_with(|c: char| c.is_ascii_digit());
    (is_number && is_version).then_some(())?;
    Some(DatabaseStatus {
        server_version: server_version.to_owned(),
        system_identifier: system_identifier.to_owned(),
        timeline: timeline.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use ace_api::DatabaseStatus;

    use super::identity;

    #[test]
    fn an_identity_has_the_version_without_its_packagers_words() {
        let expected = DatabaseStatus {
            server_version: "15.18".to_owned(),
            system_identifier: "7431200000000000001".to_owned(),
            timeline: 3,
        };
        let columns = ["15.18 (Debian 15.18-1)", "7431200000000000001", "3"];
        assert_eq!(identity(columns), Some(expected));
    }

    #[test]
    fn what_no_server_answers_is_no_identity() {
        for columns in [
            ["", "1", "1"],
            ["devel", "1", "1"],
            ["15", "one", "1"],
            ["15", "", "1"],
            ["15", "1", "x"],
        ] {
            assert_eq!(identity(columns), None);
        }
    }
}
