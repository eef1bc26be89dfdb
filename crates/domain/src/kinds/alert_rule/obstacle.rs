//! Why a database can't be asked.

use ace_api::{AlertRuleReason, Database, Reason};

use super::Cause;
use crate::kinds::platform::DatabaseFailure;

/// By the Platform's spec alone.
pub(super) fn of_spec(database: Option<&Database>) -> Option<Cause> {
    match database {
        None => {
            let message = "the Platform has no `spec.database` that `source.sql` could ask";
            Some(Cause::new(AlertRuleReason::DatabaseNotSet, message))
        }
        Some(database) if database.reader.is_none() => Some(reader_missing()),
        Some(_) => None,
    }
}

/// The Platform has no reader.
pub fn reader_missing() -> Cause {
    let message = "`source.sql` needs `spec.database.reader` of the Platform, a login that can only read: CREATE ROLE ace_reader LOGIN BYPASSRLS \
                   PASSWORD '...'; GRANT pg_monitor TO ace_reader; for each schema GRANT USAGE ON SCHEMA public TO ace_reader; GRANT SELECT ON ALL TABLES \
                   IN SCHEMA public TO ace_reader; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO ace_reader. Not \
                   pg_read_all_data: that reads the hashes of passwords";
    Cause::new(AlertRuleReason::ReaderMissing, message)
}

/// No session of the reader. `database`: as the reader sees it.
pub fn of_database(failure: &DatabaseFailure, database: &Database) -> Cause {
    let cause = failure.cause(database);
    let reason = match failure {
        DatabaseFailure::SecretMissing(_) => AlertRuleReason::SecretMissing,
        _ => AlertRuleReason::named(cause.reason.as_str()).unwrap_or(AlertRuleReason::QueryFailed),
    };
    Cause::new(reason, cause.message)
}

/// The role of migrations, which no reader may be: Supabase's pooler has the project behind it.
pub fn owner<'a>(database: &'a Database, project: &str) -> &'a str {
    let user = database.user.as_str();
    let pooled = user.strip_suffix(project).and_then(|user| user.strip_suffix('.'));
    pooled.unwrap_or(user)
}

#[cfg(test)]
mod tests {
    use ace_api::{AlertRuleReason, Database};
    use serde_json::json;

    use super::{of_database, reader_missing};
    use crate::kinds::platform::DatabaseFailure as Failure;

    #[test]
    fn what_keeps_the_reader_out_has_the_reason_that_a_platform_gives_for_its_own_user() {
        let database: Database = serde_json::from_value(json!({
            "host": "db.example.com",
            "passwordSecretRef": { "name": "supabase", "key": "password" },
            "reader": { "user": "ace_reader", "passwordSecretRef": { "name": "supabase", "key": "reader" } },
        }))
        .unwrap();
        let reader = database.as_reader().unwrap();
        let text = String::new;
        let table = [
            (Failure::Unanswered(text()), AlertRuleReason::DatabaseUnreachable),
            (Failure::SecretMissing(text()), AlertRuleReason::SecretMissing),
            (Failure::SecretUnanswered(text()), AlertRuleReason::Retrying),
            (Failure::SecretInvalid(text()), AlertRuleReason::SecretInvalid),
            (Failure::AccessMissing(text()), AlertRuleReason::AccessMissing),
            (Failure::SecretNotOffered(text()), AlertRuleReason::SecretNotOffered),
            (Failure::HostNotAllowed, AlertRuleReason::HostNotAllowed),
            (Failure::PasswordRejected, AlertRuleReason::DatabasePasswordRejected),
            (Failure::NoTls(text()), AlertRuleReason::DatabaseCertificateRefused),
            (Failure::Insecure(text()), AlertRuleReason::DatabaseInsecure),
            (Failure::Pooler, AlertRuleReason::PoolerUnsupported),
            (Failure::Refused("28000".to_owned()), AlertRuleReason::DatabaseRefused),
        ];
        for (failure, expected) in table {
            assert_eq!(of_database(&failure, &reader).reason, expected, "{failure:?}");
        }
        let message = of_database(&Failure::PasswordRejected, &reader).message;
        assert!(
            message.contains("`ace_reader`") && message.contains("key `reader`"),
            "{message}"
        );
    }

    #[test]
    fn the_statements_that_make_a_reader_fit_into_a_condition() {
        let message = reader_missing().message;
        assert_eq!(ace_api::message(&message), message);
    }
}
