//! What a query may say. None of it changes the database or the session that asks.

use ace_database::{Question, Reader};
use tokio_postgres::Client;

use crate::bed::{Bed, ask, column, question, value};

const ABUSES: [&str; 44] = [
    // Writes.
    "insert into public.cards values ('New', 1, '') returning 1 as value",
    "update public.cards set left_over = 0 returning 1 as value",
    "delete from public.cards returning 1 as value",
    "with gone as (delete from public.cards returning 1 as value) select value from gone",
    "select public.writes() as value",
    "select * into public.copied from (select 1 as value) as one",
    "create table public.made as select 1 as value",
    "create temp table made as select 1 as value",
    "truncate public.cards",
    "select 1 as value from public.cards for update",
    "select nextval('public.numbers') as value",
    "select setval('public.numbers', 99) as value",
    "select lo_create(0)::int8 as value",
    "select lo_from_bytea(0, 'x')::int8 as value",
    "select lo_creat(-1)::int8 as value",
    // Locks, and what outlives a transaction.
    "select 1 as value from pg_advisory_lock(7)",
    "select pg_try_advisory_lock_shared(7)::int as value",
    "select 1 as value from pg_advisory_xact_lock(7)",
    "lock table public.cards",
    "select 1 as value from pg_notify('channel', 'x')",
    "listen channel",
    "prepare kept as select 1 as value",
    "declare kept cursor with hold for select 1 as value",
    // Roles and settings.
    "set role postgres",
    "select 1 as value from set_config('role', 'postgres', false)",
    "select 1 as value from set_config('session_authorization', 'postgres', false)",
    "select 1 as value from set_config('default_transaction_read_only', 'off', false)",
    "select 1 as value from set_config('transaction_read_only', 'off', true)",
    "select 1 as value from set_config('row_security', 'on', false)",
    "select 1 as value from set_config('search_path', 'public', false)",
    "select 1 as value from set_config('statement_timeout', '0', false)",
    "select 1 as value from set_config('client_connection_check_interval', '0', false)",
    "select 1 as value from set_config('own.setting', 'x', false)",
    // More than one statement, and out of the brackets.
    "select 1 as value; delete from public.cards",
    "commit",
    "select 1 as value) as q; delete from public.cards; select * from (select 1 as value",
    "select 1 as value) as q union all select 2 from (select 1 as value",
    "select 1 as value) as q limit 1 --",
    "select 1 as value /*",
    // What is no query.
    "do $$ begin delete from public.cards; end $$",
    "call public.commits()",
    "copy public.cards to stdout",
    "explain analyze select 1 as value",
    "select pg_terminate_backend(pid)::int as value from pg_stat_activity where usename is distinct from current_user",
];

/// Rows, objects, large objects, sequences, and advisory locks.
const STATE: &str = "SELECT (SELECT string_agg(c::text, ',' ORDER BY c::text) FROM public.cards c) \
    || (SELECT ':' || count(*) FROM pg_class) || (SELECT ':' || count(*) FROM pg_largeobject_metadata) \
    || (SELECT ':' || last_value || is_called FROM public.numbers) \
    || (SELECT ':' || count(*) FROM pg_locks WHERE locktype = 'advisory') \
    || (SELECT ':' || string_agg(state, ',') FROM pg_stat_activity WHERE application_name = 'ace-operator/alerts' AND datname = current_database())";

async fn state(superuser: &Client) -> Vec<String> {
    column(superuser, STATE).await
}

/// Every setting of the session, and who it is.
async fn session(reader: &Reader) -> f64 {
    let settings = "select hashtext(string_agg(name || setting, ',' order by name) || current_user || session_user \
                    || (select count(*) from pg_prepared_statements) || (select count(*) from pg_cursors) \
                    || (select count(*) from pg_listening_channels())) as value \
                    from pg_settings where name not in ('statement_timeout')";
    value(reader, settings).await.unwrap()
}

#[tokio::test]
async fn no_query_changes_the_database_or_the_session() {
    let bed = Bed::new().await;
    let (reader, superuser) = (bed.reader().await, bed.superuser().await);
    // Asked twice: the session knows its own statements then.
    session(&reader).await;
    let before = (state(&superuser).await, session(&reader).await.to_bits());
    let plain = reader.shape(&question("select 1 as value", &[])).await.unwrap();
    for abuse in ABUSES {
        let question = question(abuse, &[]);
        let answered = ask(&reader, &question).await;
        // What is refused before it is asked could not do more if it were not.
        let forced = reader.ask(&question, plain).await;
        assert!(reader.is_open(), "{abuse}: {answered:?} {forced:?}");
        let after = (state(&superuser).await, session(&reader).await.to_bits());
        assert_eq!(after, before, "{abuse}: {answered:?} {forced:?}");
    }
}

#[tokio::test]
async fn what_leaves_its_brackets_is_refused_before_it_is_asked() {
    let bed = Bed::new().await;
    let reader = bed.reader().await;
    for abuse in ABUSES
        .iter()
        .filter(|abuse| abuse.contains(") as q") || abuse.contains("/*") || abuse.contains(';'))
    {
        let question: Question = question(abuse, &[]);
        assert!(reader.shape(&question).await.is_err(), "{abuse}");
    }
}
