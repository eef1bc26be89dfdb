//! Five files with everything that a file may do, and what has to be there when each ran once.

use ace_domain::sql::{Alone, File, Script, Segment, Statement};

/// A table without any constraint that would hide a second run.
pub const COUNTED: &str = "CREATE TABLE public.counted (what text); ALTER TABLE public.counted OWNER TO postgres";

fn statement(text: &str) -> Statement {
    Statement {
        text: text.to_owned(),
        offset: 0,
        line: 1,
    }
}

fn together(texts: &[&str]) -> Segment {
    Segment::Together(texts.iter().map(|text| statement(text)).collect())
}

fn index(name: &str, table: &str) -> Segment {
    let statement = statement(&format!("CREATE INDEX CONCURRENTLY {name} ON public.{table} (n)"));
    let create = Alone::CreateIndex {
        schema: Some("public".to_owned()),
        table: table.to_owned(),
        name: name.to_owned(),
        if_not_exists: false,
    };
    Segment::Alone(statement, create)
}

/// The files of this number: DDL; DML; an index; DML, an index and DML; a function.
pub fn files(number: u32) -> Vec<(File, Script)> {
    let count = |what: &str| format!("INSERT INTO public.counted VALUES ('{number}.{what}')");
    let (table, plus) = (format!("t{number}"), format!("UPDATE public.t{number} SET n = n + 1"));
    let create = format!("CREATE TABLE IF NOT EXISTS public.{table} (n integer)");
    let secure = format!("ALTER TABLE public.{table} ENABLE ROW LEVEL SECURITY");
    let first = format!("INSERT INTO public.{table} VALUES (0)");
    let function =
        format!("CREATE OR REPLACE FUNCTION public.f{number}() RETURNS integer LANGUAGE sql AS 'SELECT {number}'");
    let files = vec![
        vec![together(&[&create, &secure, &count("ddl")])],
        vec![together(&[&first, &plus, &count("dml")])],
        vec![index(&format!("i{number}"), &table)],
        vec![
            together(&[&plus, &count("before")]),
            index(&format!("j{number}"), &table),
            together(&[&plus, &count("behind")]),
        ],
        vec![together(&[&function, &count("function")])],
    ];
    files
        .into_iter()
        .zip(1..)
        .map(|(segments, last)| file(&format!("{number:08}{last}"), segments))
        .collect()
}

fn file(version: &str, segments: Vec<Segment>) -> (File, Script) {
    let mut script = Script::default();
    script.segments = segments;
    script.recorded = script
        .executable_statements()
        .map(|statement| statement.text.clone())
        .collect();
    let file = File {
        version: version.parse().unwrap(),
        name: "file".to_owned(),
        file_name: format!("{version}_file.sql"),
        sha256: format!("sha256:{version}"),
        text: format!("{};\n", script.recorded.join(";\n")).into(),
    };
    (file, script)
}

/// Asks for the line that [`once`] is.
pub fn state(number: u32) -> String {
    format!(
        "SELECT concat_ws(' ', \
         (SELECT string_agg(what || '=' || times, ' ' ORDER BY what) FROM \
             (SELECT what, count(*) AS times FROM public.counted WHERE what LIKE '{number}.%' GROUP BY what) c), \
         (SELECT 'counter=' || string_agg(n::text, ',') FROM public.t{number}), \
         (SELECT string_agg(c.relname || '=' || i.indisvalid, ' ' ORDER BY c.relname) FROM pg_index i \
             JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'public.t{number}'::regclass), \
         'function=' || public.f{number}(), \
         (SELECT 'cli=' || string_agg(right(version, 1), '' ORDER BY version) FROM supabase_migrations.schema_migrations \
             WHERE version LIKE '{number:08}%'), \
         (SELECT 'ours=' || string_agg(right(version, 1), '' ORDER BY version) FROM ace_ops.migration \
             WHERE version LIKE '{number:08}%'), \
         'steps=' || (SELECT count(*) FROM ace_ops.step), \
         (SELECT 'behind=' || behind FROM ace_ops.state))"
    )
}

/// What is there when each of the files of this number ran once.
pub fn once(number: u32) -> String {
    format!(
        "{number}.before=1 {number}.behind=1 {number}.ddl=1 {number}.dml=1 {number}.function=1 counter=3 \
         i{number}=true j{number}=true function={number} cli=12345 ours=12345 steps=0 behind=false"
    )
}
