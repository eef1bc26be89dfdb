use std::collections::BTreeSet;

use ace_database::ObjectClass;

use crate::bed::{Bed, taken};

#[tokio::test]
async fn names_are_quoted_as_in_sql_and_kept_in_any_script() {
    let bed = Bed::start("").await;
    let changed = bed.change("CREATE DOMAIN public.\"Größe ☃ \"\"x\"\"\" AS text").await;
    let expected = [
        ["domain/public.\"Größe ☃ \"\"x\"\"\"", "absent", "text, owner postgres"],
        ["grant/domain public.\"Größe ☃ \"\"x\"\"\" to PUBLIC", "absent", "USAGE"],
        [
            "grant/domain public.\"Größe ☃ \"\"x\"\"\" to postgres",
            "absent",
            "USAGE",
        ],
    ];
    assert_eq!(changed, expected);
}

#[tokio::test]
async fn a_name_with_line_breaks_and_separators_is_one_object_on_one_line() {
    let hostile = "a\ntable\tpublic.forged/\u{1b}[2J\\n";
    let bed = Bed::start(&format!(
        "CREATE TABLE public.\"{hostile}\" (\"x.y\" text DEFAULT E'1\\n~no default')"
    ))
    .await;
    let fingerprint = bed.fingerprint().await;
    let tables: Vec<_> = fingerprint
        .objects()
        .filter(|it| it.class == ObjectClass::Table)
        .map(|it| it.name)
        .collect();
    assert_eq!(tables, [r#"public."a\ntable\tpublic.forged/\u{1b}[2J\\n""#]);
    let columns: Vec<_> = fingerprint
        .objects()
        .filter(|it| it.class == ObjectClass::Column)
        .collect();
    assert_eq!(
        columns[0].name,
        r#"public."a\ntable\tpublic.forged/\u{1b}[2J\\n"."x.y""#
    );
    let default = columns[0].definition.lines().nth(2).unwrap();
    assert!(default.starts_with("default '…'::text sha256:"), "{default}");
}

#[tokio::test]
async fn an_object_knows_its_schema_whatever_that_is_called_and_a_cast_all_of_its() {
    let mut bed = Bed::start("").await;
    // Making a cast to a type of another's takes a superuser.
    bed.psql = bed.server.superuser().await;
    bed.run(
        r#"CREATE SCHEMA "a.""b"; CREATE SCHEMA c; CREATE SCHEMA d;
           ALTER DEFAULT PRIVILEGES IN SCHEMA "a.""b" GRANT SELECT ON TABLES TO anon;
           CREATE TABLE "a.""b".t (x serial PRIMARY KEY, y int CHECK (y > 0)); CREATE INDEX i ON "a.""b".t (y);
           CREATE STATISTICS "a.""b".s ON x, y FROM "a.""b".t; CREATE POLICY p ON "a.""b".t;
           CREATE FUNCTION "a.""b".f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
           CREATE TRIGGER g BEFORE UPDATE ON "a.""b".t FOR EACH ROW EXECUTE FUNCTION "a.""b".f();
           CREATE RULE r AS ON DELETE TO "a.""b".t DO INSTEAD NOTHING;
           CREATE VIEW "a.""b".v AS SELECT 1 AS x; CREATE MATERIALIZED VIEW "a.""b".m AS SELECT 1 AS x;
           CREATE TYPE "a.""b".e AS ENUM ('x'); CREATE DOMAIN "a.""b".n AS int CHECK (VALUE > 0); CREATE TYPE "a.""b".k AS (x int);
           CREATE OPERATOR "a.""b".=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq);
           CREATE PUBLICATION everything FOR TABLE "a.""b".t, TABLES IN SCHEMA "a.""b";
           CREATE TYPE c.u AS (x int); CREATE FUNCTION d.f("a.""b".k) RETURNS c.u LANGUAGE sql AS 'SELECT NULL::c.u';
           CREATE CAST ("a.""b".k AS c.u) WITH FUNCTION d.f"#,
    )
    .await;
    let named = ["a.\"b".to_owned()];
    let fingerprint = taken(bed.connection.fingerprint(&named).await.unwrap());
    let classes: BTreeSet<_> = fingerprint.objects().map(|it| it.class).collect();
    let of_no_schema = [ObjectClass::EventTrigger, ObjectClass::Membership];
    let all = ObjectClass::ALL.iter().copied();
    assert_eq!(classes, all.filter(|class| !of_no_schema.contains(class)).collect());
    for it in fingerprint.objects() {
        let schemas: &[&str] = match it.class {
            ObjectClass::Cast => &["a.\"b", "c", "d"],
            _ => &["a.\"b"],
        };
        assert_eq!(it.schemas, schemas, "{}/{}", it.class, it.name);
    }
}

#[tokio::test]
async fn functions_of_one_name_are_distinguished_by_their_arguments() {
    let bed = Bed::start("").await;
    let paths = |changed: Vec<[String; 3]>| -> Vec<_> {
        changed
            .into_iter()
            .map(|[path, ..]| path)
            .filter(|path| path.starts_with("function/"))
            .collect()
    };
    let changed = bed
        .change(
            "CREATE FUNCTION public.f(a integer, b text) RETURNS integer LANGUAGE sql AS 'SELECT 1';
             CREATE FUNCTION public.f(text) RETURNS integer LANGUAGE sql AS 'SELECT 1';
             CREATE FUNCTION public.f(VARIADIC integer[]) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        )
        .await;
    let expected = [
        "function/public.f(integer, text)",
        "function/public.f(integer[])",
        "function/public.f(text)",
    ];
    assert_eq!(paths(changed), expected);
}
