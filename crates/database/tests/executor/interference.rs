//! Triggers, rules and row security on either ledger: a file whose rows they drop would run again.

use ace_database::{QueryError, RunError};

use crate::bed::{Bed, migration};

const FUNCTION: &str = "CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'";

/// Each, and how it is named.
const WAYS: [(&str, &str); 7] = [
    (
        "CREATE TRIGGER t BEFORE INSERT ON ace_ops.migration FOR EACH ROW EXECUTE FUNCTION public.nothing()",
        "trigger t on ace_ops.migration",
    ),
    (
        "CREATE TRIGGER t BEFORE INSERT ON supabase_migrations.schema_migrations FOR EACH ROW EXECUTE FUNCTION public.nothing()",
        "trigger t on supabase_migrations.schema_migrations",
    ),
    (
        "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON ace_ops.migration DEFERRABLE INITIALLY DEFERRED FOR EACH ROW \
         EXECUTE FUNCTION public.nothing()",
        "trigger t on ace_ops.migration",
    ),
    (
        "CREATE TRIGGER t BEFORE UPDATE ON ace_ops.state FOR EACH ROW EXECUTE FUNCTION public.nothing()",
        "trigger t on ace_ops.state",
    ),
    (
        "CREATE RULE r AS ON INSERT TO ace_ops.migration DO INSTEAD NOTHING",
        "rule r on ace_ops.migration",
    ),
    (
        "ALTER TABLE ace_ops.step FORCE ROW LEVEL SECURITY",
        "row security on ace_ops.step",
    ),
    (
        "ALTER TABLE supabase_migrations.schema_migrations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        "row security on supabase_migrations.schema_migrations",
    ),
];

#[tokio::test]
async fn a_file_that_makes_its_own_rows_disappear_is_rolled_back() {
    let bed = Bed::new().await;
    bed.as_superuser("ALTER ROLE postgres NOBYPASSRLS").await;
    for (way, named) in WAYS {
        let mut session = bed.session().await;
        let outcome = migration("1", &[FUNCTION, way]).run(&mut session).await;
        let Err(RunError::Damaged(damage)) = outcome else {
            panic!("{way}: {outcome:?}");
        };
        assert!(damage.to_string().contains(named), "{damage}");
        assert!(session.ledgers().await.unwrap().ledger.is_empty(), "{way}");
        session.close().await;
    }
}

#[tokio::test]
async fn no_file_runs_where_a_ledger_does_not_keep_what_is_written() {
    for (way, named) in WAYS {
        let bed = Bed::new().await;
        bed.as_superuser("ALTER ROLE postgres NOBYPASSRLS").await;
        let mut session = bed.session().await;
        let made = format!("{FUNCTION}; {way}");
        bed.as_superuser(&made).await;
        let Err(QueryError::Damaged(damage)) = session.ledgers().await else {
            panic!("{way}");
        };
        assert!(damage.to_string().contains(named), "{damage}");
        let ran = migration("1", &["CREATE TABLE public.t ()"]).run(&mut session).await;
        assert!(matches!(ran, Err(RunError::Damaged(_))), "{way}: {ran:?}");
        let tables = "SELECT relname::text FROM pg_class WHERE relname = 't' AND relkind = 'r'";
        assert!(bed.column(tables).await.is_empty(), "{way}");
    }
}
