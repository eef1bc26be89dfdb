//! The database of the bed is what migrations find in a project.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use ace_sandbox::bed::testing;
use tokio_postgres::{AsyncMessage, Client, NoTls, SimpleQueryMessage};

/// A fresh project's database, and a session of `postgres` there.
struct Project {
    postgres: Client,
    notified: tokio::sync::mpsc::UnboundedReceiver<String>,
}

impl Project {
    async fn new(name: &str) -> Project {
        // What a database is prepared with names roles, which all of them share.
        static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let one = ONE.lock().await;
        let url = testing::shared().make_database(name).await.unwrap();
        drop(one);
        let (postgres, mut connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        let (sender, notified) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(notification) = message {
                    let _ = sender.send(format!("{} {}", notification.channel(), notification.payload()));
                }
            }
        });
        Project { postgres, notified }
    }

    /// Rows of the last statement, columns between `|`.
    async fn rows(&self, sql: &str) -> Vec<String> {
        let messages = self.postgres.simple_query(sql).await;
        let messages = messages.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let columns = |row: &tokio_postgres::SimpleQueryRow| -> Vec<String> {
            let column = |index| row.try_get(index).unwrap().unwrap_or_default().to_owned();
            (0..row.len()).map(column).collect()
        };
        messages
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(columns(row).join("|")),
                _ => None,
            })
            .collect()
    }

    /// SQLSTATE and words by which the server refuses.
    async fn refusal(&self, sql: &str) -> String {
        let error = self.postgres.simple_query(sql).await.expect_err(sql);
        let error = error.as_db_error().unwrap();
        format!("{} {}", error.code().code(), error.message())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_has_the_rights_of_a_project_and_is_no_superuser() {
    let project = Project::new("rights").await;
    let attributes = "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolcanlogin \
        FROM pg_roles WHERE rolname = 'postgres'";
    assert_eq!(project.rows(attributes).await, ["f|t|t|f|t|t"]);
    let member = "SELECT string_agg(roleid::regrole::text, ' ' ORDER BY roleid::regrole::text) FROM pg_auth_members \
        WHERE member = 'postgres'::regrole AND roleid::regrole::text !~ '^pg(sodium|tle)_'";
    assert_eq!(
        project.rows(member).await,
        [
            "anon authenticated pg_monitor pg_read_all_data pg_signal_backend service_role supabase_auth_admin \
          supabase_functions_admin supabase_read_only_user supabase_realtime_admin supabase_storage_admin"
        ]
    );
    let password = "ALTER ROLE postgres PASSWORD NULL";
    assert_eq!(project.rows(&format!("BEGIN; {password}; ROLLBACK")).await, [""; 0]);
    let replicated = "SET session_replication_role = replica; SHOW session_replication_role";
    assert_eq!(project.rows(replicated).await, ["replica"]);
    // It owns the database, and by that what belongs to the database's owner.
    let owned = "CREATE TABLE public.t (); COMMENT ON SCHEMA public IS 'ours'; \
        ALTER SCHEMA public OWNER TO pg_database_owner; CREATE SCHEMA private; \
        SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()";
    assert_eq!(project.rows(owned).await, ["postgres"]);
    let exposed = "ALTER ROLE authenticator SET pgrst.db_schemas = 'public, private'; \
        ALTER ROLE authenticator RESET pgrst.db_schemas; SELECT 'set'";
    assert_eq!(project.rows(exposed).await, ["set"]);
    for (sql, refusal) in [
        (
            "CREATE ROLE other SUPERUSER",
            "42501 must be superuser to create superusers",
        ),
        (
            "GRANT supabase_admin TO postgres",
            "42501 must be superuser to alter superusers",
        ),
        (
            "ALTER SYSTEM SET work_mem = '1GB'",
            "42501 permission denied to set parameter \"work_mem\"",
        ),
        (
            "CREATE EXTENSION file_fdw",
            "42501 permission denied to create extension \"file_fdw\"",
        ),
        (
            "CREATE PUBLICATION every FOR ALL TABLES",
            "42501 must be superuser to create FOR ALL TABLES publication",
        ),
    ] {
        assert_eq!(project.refusal(sql).await, refusal, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_project_has_the_platforms_schemas_and_extensions_owned_as_there() {
    let project = Project::new("fresh").await;
    let schemas = "SELECT nspname, nspowner::regrole FROM pg_namespace \
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1";
    assert_eq!(
        project.rows(schemas).await,
        [
            "auth|supabase_admin",
            "extensions|postgres",
            "graphql|supabase_admin",
            "graphql_public|supabase_admin",
            "public|pg_database_owner",
            "realtime|supabase_admin",
            "storage|supabase_admin",
            "supabase_functions|supabase_admin",
            "supabase_migrations|postgres",
            "vault|supabase_admin",
        ]
    );
    let extensions = "SELECT extname, nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace ORDER BY 1";
    assert_eq!(
        project.rows(extensions).await,
        [
            "pg_graphql|graphql",
            "pg_stat_statements|extensions",
            "pgcrypto|extensions",
            "plpgsql|pg_catalog",
            "supabase_vault|vault",
            "uuid-ossp|extensions",
        ]
    );
    let tables = "SELECT oid::regclass, relowner::regrole, relrowsecurity FROM pg_class \
        WHERE relkind = 'r' AND relnamespace IN ('auth'::regnamespace, 'storage'::regnamespace, 'realtime'::regnamespace) \
        ORDER BY relnamespace::regnamespace::text, relname";
    assert_eq!(
        project.rows(tables).await,
        [
            "auth.audit_log_entries|supabase_auth_admin|f",
            "auth.identities|supabase_auth_admin|f",
            "auth.mfa_factors|supabase_auth_admin|f",
            "auth.refresh_tokens|supabase_auth_admin|f",
            "auth.sessions|supabase_auth_admin|f",
            "auth.users|supabase_auth_admin|f",
            "realtime.messages|supabase_realtime_admin|t",
            "storage.buckets|supabase_storage_admin|t",
            "storage.objects|supabase_storage_admin|t",
        ]
    );
    let defaults = "CREATE TABLE public.t (); \
        SELECT string_agg(r, ' ') FROM unnest(ARRAY['anon', 'authenticated', 'service_role']) AS r \
        WHERE has_table_privilege(r, 'public.t', 'INSERT')";
    assert_eq!(project.rows(defaults).await, ["anon authenticated service_role"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_users_of_auth_have_the_columns_that_migrations_name() {
    let project = Project::new("users").await;
    let columns = "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute \
        WHERE attrelid = 'auth.users'::regclass AND attnum > 0";
    assert_eq!(
        project.rows(columns).await,
        [
            "instance_id id aud role email encrypted_password email_confirmed_at invited_at confirmation_token \
          confirmation_sent_at recovery_token recovery_sent_at email_change_token_new email_change \
          email_change_sent_at last_sign_in_at raw_app_meta_data raw_user_meta_data is_super_admin created_at \
          updated_at phone phone_confirmed_at phone_change phone_change_token phone_change_sent_at confirmed_at \
          email_change_token_current email_change_confirm_status banned_until reauthentication_token \
          reauthentication_sent_at is_sso_user deleted_at is_anonymous"
        ]
    );
    // The service gives each user an id: the table has no default for it.
    assert!(
        project
            .refusal("INSERT INTO auth.users (email) VALUES ('a@example.test')")
            .await
            .starts_with("23502 ")
    );
    let one = "INSERT INTO auth.users (id, email, email_confirmed_at) \
        VALUES ('00000000-0000-0000-0000-000000000001', 'a@example.test', '2026-01-01Z'); \
        SELECT is_anonymous, is_sso_user, confirmed_at = '2026-01-01Z', phone IS NULL FROM auth.users";
    assert_eq!(project.rows(one).await, ["f|f|t|t"]);
    let twice = "INSERT INTO auth.users (id, email) VALUES (gen_random_uuid(), 'a@example.test')";
    assert!(project.refusal(twice).await.starts_with("23505 "));
    let caller = "SET request.jwt.claims = '{\"sub\": \"00000000-0000-0000-0000-000000000001\", \"role\": \"authenticated\"}'; \
        SELECT auth.uid() = id, auth.role() FROM auth.users";
    assert_eq!(project.rows(caller).await, ["t|authenticated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn triggers_on_users_and_policies_on_objects_are_postgres_own_to_make_and_drop() {
    let project = Project::new("outside").await;
    let made = "CREATE FUNCTION public.greet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; \
        CREATE TRIGGER greeted AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION public.greet(); \
        DROP TRIGGER greeted ON auth.users; \
        CREATE TABLE public.profiles (id uuid PRIMARY KEY REFERENCES auth.users ON DELETE CASCADE); \
        INSERT INTO storage.buckets (id, name, public, file_size_limit, allowed_mime_types) \
            VALUES ('avatars', 'avatars', true, 1024, '{image/png}'); \
        CREATE POLICY seen ON storage.objects FOR SELECT TO authenticated \
            USING (bucket_id = 'avatars' AND (storage.foldername(name))[1] = auth.uid()::text); \
        DROP POLICY seen ON storage.objects; \
        CREATE POLICY heard ON realtime.messages FOR SELECT TO authenticated USING (realtime.topic() = 'room'); \
        ALTER PUBLICATION supabase_realtime ADD TABLE public.profiles; \
        SELECT storage.filename('a/b.png'), storage.extension('a/b.png'), storage.foldername('a/b/c.png')";
    assert_eq!(project.rows(made).await, ["b.png|png|{a,b}"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_told_when_the_schema_changes() {
    let mut project = Project::new("watched").await;
    project.rows("LISTEN pgrst; CREATE TABLE public.t (); SELECT 1").await;
    assert_eq!(project.notified.recv().await.unwrap(), "pgrst reload schema");
    project.rows("DROP TABLE public.t").await;
    assert_eq!(project.notified.recv().await.unwrap(), "pgrst reload schema");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_creates_each_stand_in_and_modules_that_elsewhere_only_a_superuser_may() {
    let project = Project::new("created").await;
    for (extension, schema) in [
        ("http", "extensions"),
        ("index_advisor", "extensions"),
        ("moddatetime", "extensions"),
        ("pg_cron", "pg_catalog"),
        ("pg_jsonschema", "extensions"),
        ("pg_net", "extensions"),
        ("pg_tle", "pgtle"),
        ("pgjwt", "extensions"),
        ("pgmq", "pgmq"),
        ("pgsodium", "pgsodium"),
        ("postgres_fdw", "extensions"),
        ("vector", "extensions"),
    ] {
        if schema != "pg_catalog" {
            project.rows(&format!("CREATE SCHEMA IF NOT EXISTS {schema}")).await;
        }
        project
            .rows(&format!("CREATE EXTENSION {extension} WITH SCHEMA {schema}"))
            .await;
    }
    // As a project's owner takes one out and in again.
    project
        .rows("DROP EXTENSION pg_net; CREATE EXTENSION IF NOT EXISTS pg_net; DROP EXTENSION pg_graphql")
        .await;
    let raised = "SELECT extensions.jsonb_matches_schema('{}', '{}')";
    assert_eq!(
        project.refusal(raised).await,
        "0A000 pg_jsonschema of the bed checks no document"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_recorded_for_their_role_by_name_and_only_through_the_functions() {
    let project = Project::new("jobs").await;
    let jobs = "CREATE EXTENSION pg_cron; \
        SELECT cron.schedule('nightly', '0 3 * * *', 'SELECT 1'); SELECT cron.schedule('nightly', '30 seconds', 'SELECT 2'); \
        SELECT cron.schedule('* * * * *', 'SELECT 3'); \
        SELECT jobid, jobname, schedule, command, username, database, active FROM cron.job ORDER BY jobid";
    let found = project.rows(jobs).await;
    assert_eq!(found[found.len() - 2], "1|nightly|30 seconds|SELECT 2|postgres|jobs|t");
    // Numbers are the sequence's: the one that replaced a job took one, too.
    assert_eq!(found[found.len() - 1], "3||* * * * *|SELECT 3|postgres|jobs|t");
    let altered = "SELECT cron.alter_job(1, active := false); SELECT cron.unschedule(3); SELECT active FROM cron.job";
    assert_eq!(project.rows(altered).await.last().unwrap(), "f");
    for (sql, refusal) in [
        (
            "SELECT cron.schedule('x', 'now and then', 'SELECT 1')",
            "22023 invalid schedule: now and then",
        ),
        (
            "SELECT cron.unschedule('x')",
            "P0001 could not find valid entry for job 'x'",
        ),
        ("DELETE FROM cron.job", "42501 permission denied for table job"),
    ] {
        assert_eq!(project.refusal(sql).await, refusal, "{sql}");
    }
    assert_eq!(project.rows("SELECT cron.unschedule('nightly')").await, ["t"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_of_a_table_queues_its_request() {
    let project = Project::new("hooked").await;
    let hooked = "CREATE EXTENSION pg_net; CREATE TABLE public.orders (id integer); \
        CREATE TRIGGER told AFTER INSERT ON public.orders FOR EACH ROW EXECUTE FUNCTION \
            supabase_functions.http_request('https://example.test/hook', 'POST', '{\"a\": \"b\"}', '{\"k\": \"v\"}', '900'); \
        INSERT INTO public.orders VALUES (7); \
        SELECT method, url, headers, timeout_milliseconds, convert_from(body, 'UTF8')::jsonb -> 'record' \
            FROM net.http_request_queue";
    assert_eq!(
        project.rows(hooked).await,
        ["POST|https://example.test/hook?k=v|{\"a\": \"b\"}|900|{\"id\": 7}"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_gives_a_message_once_while_it_is_hidden() {
    let project = Project::new("queued").await;
    let made = "CREATE SCHEMA pgmq; CREATE EXTENSION pgmq WITH SCHEMA pgmq; SELECT pgmq.create('work'); \
        SELECT pgmq.create('work'); SELECT pgmq.send('work', '{\"n\": 1}')";
    assert_eq!(project.rows(made).await.last().unwrap(), "1");
    let read = "SELECT msg_id, read_ct, message FROM pgmq.read('work', 60, 5)";
    assert_eq!(project.rows(read).await, ["1|1|{\"n\": 1}"]);
    assert_eq!(project.rows(read).await, [""; 0]);
    let archived = "SELECT pgmq.archive('work', 1), pgmq.archive('work', 2); SELECT count(*) FROM pgmq.q_work; \
        SELECT message FROM pgmq.a_work; SELECT queue_name FROM pgmq.list_queues(); SELECT pgmq.drop_queue('work')";
    assert_eq!(project.rows(archived).await, ["t|f", "0", "{\"n\": 1}", "work", "t"]);
    assert_eq!(
        project.refusal("SELECT pgmq.send('work', '{}')").await,
        "42P01 relation \"pgmq.q_work\" does not exist"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_the_vault_is_read_by_name() {
    let project = Project::new("secrets").await;
    let secret = "SELECT 1 FROM vault.create_secret('s3cret', 'key', 'a key'); \
        SELECT vault.update_secret((SELECT id FROM vault.secrets), 'other'); \
        SELECT decrypted_secret, description, secret = decrypted_secret FROM vault.decrypted_secrets WHERE name = 'key'";
    assert_eq!(project.rows(secret).await.last().unwrap(), "other|a key|f");
    assert!(
        project
            .refusal("SET ROLE anon; SELECT * FROM vault.secrets")
            .await
            .starts_with("42501 ")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_signed_as_everybody_signs_it() {
    let project = Project::new("tokens").await;
    // The example of jwt.io.
    let signed = "CREATE EXTENSION pgjwt WITH SCHEMA extensions; \
        SELECT extensions.sign('{\"sub\":\"1234567890\",\"name\":\"John Doe\",\"admin\":true}', 'secret')";
    let token = project.rows(signed).await.remove(0);
    assert_eq!(
        token,
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiYWRtaW4iOnRydWV9.\
         TJVA95OrM7E2cBab30RMHrHDcEfxjoYZgeFONFh7HgQ"
    );
    let verified = format!(
        "SELECT payload ->> 'name', valid FROM extensions.verify('{token}', 'secret') \
         UNION ALL SELECT payload ->> 'name', valid FROM extensions.verify('{token}', 'another')"
    );
    assert_eq!(project.rows(&verified).await, ["John Doe|t", "John Doe|f"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_are_compared_by_each_distance() {
    let project = Project::new("vectors").await;
    let near = "CREATE EXTENSION vector WITH SCHEMA extensions; \
        CREATE TABLE public.docs (id integer, at vector(2) NOT NULL); \
        CREATE INDEX near ON public.docs USING hnsw (at vector_cosine_ops); \
        CREATE INDEX lists ON public.docs USING ivfflat (at vector_l2_ops); \
        INSERT INTO public.docs VALUES (1, '[1,0]'), (2, '[0,3]'), (3, ARRAY[3, 4]::real[]); \
        SELECT id, at <-> '[0,0]', at <#> '[1,1]', at <=> '[0,2]', at <+> '[0,0]' FROM public.docs ORDER BY at <=> '[0,1]'";
    assert_eq!(
        project.rows(near).await,
        ["2|3|-3|0|3", "3|5|-7|0.19999999999999996|7", "1|1|-1|1|1"]
    );
    let shown = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute \
        WHERE attrelid = 'public.docs'::regclass AND attname = 'at'";
    assert_eq!(project.rows(shown).await, ["vector(2)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pg_partman_of_the_distribution_makes_partitions_where_it_was_fetched() {
    let project = Project::new("partitions").await;
    let offered = project
        .rows("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_partman'")
        .await;
    if offered.is_empty() {
        let refusal = project.refusal("CREATE EXTENSION pg_partman").await;
        assert_eq!(refusal, "0A000 extension \"pg_partman\" is not available");
        return;
    }
    let made = "CREATE SCHEMA partman; CREATE EXTENSION pg_partman WITH SCHEMA partman; \
        CREATE TABLE public.events (at timestamptz NOT NULL) PARTITION BY RANGE (at); \
        SELECT count(*) > 0 FROM pg_inherits WHERE inhparent = 'public.events'::regclass";
    assert_eq!(project.rows(made).await, ["f"]);
    let parent = match project
        .rows("SELECT extversion >= '5' FROM pg_extension WHERE extname = 'pg_partman'")
        .await[0]
        .as_str()
    {
        "t" => "SELECT partman.create_parent('public.events', 'at', '1 day')",
        _ => "SELECT partman.create_parent('public.events', 'at', 'native', 'daily')",
    };
    assert_eq!(project.rows(parent).await, ["t"]);
    let children = "SELECT count(*) > 4 FROM pg_inherits WHERE inhparent = 'public.events'::regclass";
    assert_eq!(project.rows(children).await, ["t"]);
}
