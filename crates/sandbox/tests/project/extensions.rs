//! What a project offers to be created, and what that does.

use super::Project;

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
