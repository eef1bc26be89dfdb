//! A database with tables, and a role that can read them.

use std::{sync::Weak, time::Duration};

use ace_api::{AlertRuleSpec, Duration as Limit};
use ace_database::{Access, AskError, Password, Question, Reader};
use ace_domain::kinds::alert_rule::Row;
use serde_json::json;
use tokio::sync::Mutex;

pub use crate::database::{Bed, column};
use crate::{database::shared, server::Server};

static SHARED: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());

/// What a reader's statements in the documentation give it.
const GRANTS: &str = "GRANT pg_monitor TO {role}; GRANT USAGE ON SCHEMA public TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}";

/// A card of each brand, a table whose rows a policy hides, and functions that do more than read.
const TABLES: &str = "
    SET ROLE postgres;
    CREATE TABLE public.cards (brand text, left_over int, secret text);
    INSERT INTO public.cards VALUES ('Book', 3, 'canary-7'), ('Tea', 40, 'canary-8');
    CREATE TABLE public.hidden (value int);
    INSERT INTO public.hidden VALUES (1);
    ALTER TABLE public.hidden ENABLE ROW LEVEL SECURITY;
    CREATE SEQUENCE public.numbers;
    CREATE FUNCTION public.writes() RETURNS int LANGUAGE sql SECURITY DEFINER
        AS 'INSERT INTO public.cards VALUES (''Written'', 0, '''') RETURNING 1';
    CREATE PROCEDURE public.commits() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
    CREATE FUNCTION public.stubborn() RETURNS int LANGUAGE plpgsql AS '
        BEGIN
            FOR turn IN 1..600 LOOP
                BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END;
            END LOOP;
            RETURN 1;
        END';
    GRANT USAGE ON SEQUENCE public.numbers TO PUBLIC;
    RESET ROLE";

/// The role of migrations.
pub const OWNER: &str = "postgres";

impl Bed {
    pub async fn new() -> Self {
        let bed = Self::empty().await;
        bed.as_superuser(TABLES).await;
        bed
    }

    /// Without tables.
    pub async fn empty() -> Self {
        Self::on(shared(&SHARED, Server::start()).await).await
    }

    /// Runs a file as the role of migrations does.
    pub async fn as_owner(&self, file: &str) {
        let superuser = self.superuser().await;
        superuser.batch_execute("SET ROLE postgres").await.unwrap();
        superuser
            .batch_execute(file)
            .await
            .unwrap_or_else(|error| panic!("{error:?}: {file}"));
    }

    /// The way in for a role of this database with these attributes, and what else it is given.
    pub async fn role(&self, attributes: &str, more: &str) -> Access {
        let role = format!("reader_{}_{}", self.database, crate::database::number());
        let statements = format!("CREATE ROLE {role} LOGIN {attributes} PASSWORD 'reader-canary'; {GRANTS}; {more}");
        self.as_superuser(&statements.replace("{role}", &role)).await;
        Access {
            user: role,
            password: Password::new("reader-canary").unwrap(),
            ..self.access()
        }
    }

    pub async fn reader(&self) -> Reader {
        Reader::open(&self.role("BYPASSRLS", "").await, OWNER).await.unwrap()
    }
}

/// A query with these labels, and 5 s for an answer.
pub fn question(query: &str, labels: &[&str]) -> Question {
    limited(query, labels, Duration::from_secs(5))
}

pub fn limited(query: &str, labels: &[&str], timeout: Duration) -> Question {
    let spec = json!({
        "platformRef": { "name": "prod" },
        "source": { "sql": { "query": query, "labels": labels, "timeout": Limit::from(timeout) } },
    });
    let spec: AlertRuleSpec = serde_json::from_value(spec).unwrap();
    Question::of(spec.source.sql.as_ref().unwrap(), &spec)
}

pub async fn ask(reader: &Reader, question: &Question) -> Result<Vec<Row>, AskError> {
    let shape = reader.shape(question).await?;
    reader.ask(question, shape).await
}

/// The value of the only row.
pub async fn value(reader: &Reader, query: &str) -> Option<f64> {
    let rows = ask(reader, &question(query, &[])).await.unwrap();
    assert_eq!(rows.len(), 1, "{query}");
    rows[0].value
}
