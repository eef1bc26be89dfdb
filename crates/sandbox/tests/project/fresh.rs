//! What is in a project before anything was made there, and what `postgres` may do with it.

use super::Project;

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
