use ace_database::ObjectClass;

use crate::bed::Bed;

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
    assert_eq!(
        columns[0].definition.lines().nth(2),
        Some(r"default '1\n~no default'::text")
    );
}

#[tokio::test]
async fn functions_of_one_name_are_told_apart_by_their_arguments() {
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
