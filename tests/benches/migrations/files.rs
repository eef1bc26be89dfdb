//! A set of migrations of a real one's sizes and kinds (`workload.md` §2): 57 files of 831,340 B, the first of them a dump of
//! 451,306 B with 132 tables, 132 functions and about 640 indexes. Made up, and the same each time.

use std::fmt::Write;

use ace_domain::{
    bundle::Tree,
    sql::{File, read_folder},
};
use bytes::Bytes;

/// What the real set has.
const FILES: usize = 57;
const BYTES: usize = 831_340;
const BASELINE: usize = 451_306;
const TABLES: usize = 132;
/// Files behind the baseline are one to eight times as long as the shortest.
const SPREAD: usize = 8;

/// The files as the operator and the CLI order them.
pub fn files() -> Vec<File> {
    let names = (0..FILES).map(|number| format!("{}_step_{number}.sql", 20_260_101_000_000_usize + number));
    let contents = std::iter::once(baseline()).chain((1..FILES).map(later));
    read(names.zip(contents))
}

/// One file of a table and so many rows, each of them a statement.
pub fn rows(number: usize) -> Vec<File> {
    let table = "CREATE TABLE public.codes (id integer PRIMARY KEY, code text NOT NULL);\n\
                 ALTER TABLE public.codes ENABLE ROW LEVEL SECURITY;\n";
    let row = |mut sql: String, row| {
        writeln!(
            sql,
            "INSERT INTO public.codes (id, code) VALUES ({row}, 'code number {row}');"
        )
        .expect("a String takes everything");
        sql
    };
    let sql = (0..number).fold(table.to_owned(), row);
    read([("20260101000000_codes.sql".to_owned(), sql)].into_iter())
}

fn read(files: impl Iterator<Item = (String, String)>) -> Vec<File> {
    let tree = Tree::from_keys(files.map(|(name, content)| (name, Bytes::from(content))));
    let folder = read_folder(&tree.expect("the names are sound"), None);
    folder.expect("the files are migrations").files
}

fn baseline() -> String {
    let mut sql = String::from(
        "SET statement_timeout = 0;\nSET lock_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n\
         SET check_function_bodies = false;\n",
    );
    for number in 0..18 {
        put(
            &mut sql,
            &format!("CREATE TYPE public.state_{number} AS ENUM (\n    'draft',\n    'open',\n    'closed'\n);"),
        );
    }
    for table in 0..TABLES {
        put(&mut sql, &function(&format!("work_{table}"), 36));
        put(&mut sql, &self::table(table));
        if table % 3 == 0 {
            let trigger = format!(
                "CREATE TRIGGER touched BEFORE UPDATE ON public.table_{table}\n    FOR EACH ROW EXECUTE FUNCTION public.stamp();"
            );
            put(&mut sql, &trigger);
        }
        if table % 12 == 0 {
            let observation =
                format!("CREATE VIEW public.view_{table} AS\n  SELECT id, title, state FROM public.table_{table};");
            put(&mut sql, &observation);
        }
    }
    padded(sql, BASELINE)
}

fn table(table: usize) -> String {
    let stamp = if table == 0 {
        "CREATE FUNCTION public.stamp() RETURNS trigger\n    LANGUAGE plpgsql\n    AS $$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$;\n\n"
    } else {
        ""
    };
    let (parent, state) = (table.saturating_sub(1), table % 18);
    format!(
        "{stamp}CREATE TABLE public.table_{table} (\n    id uuid DEFAULT gen_random_uuid() NOT NULL,\n    parent_id uuid,\n    \
         other_id uuid,\n    owner_id uuid NOT NULL,\n    title text NOT NULL,\n    state public.state_{state} DEFAULT 'draft',\n    \
         amount numeric(12,2) DEFAULT 0,\n    settings jsonb DEFAULT '{{}}'::jsonb,\n    tags text[],\n    \
         active boolean DEFAULT true,\n    created_at timestamp with time zone DEFAULT now() NOT NULL,\n    \
         updated_at timestamp with time zone DEFAULT now()\n);\n\n\
         ALTER TABLE ONLY public.table_{table}\n    ADD CONSTRAINT table_{table}_pkey PRIMARY KEY (id);\n\
         ALTER TABLE ONLY public.table_{table}\n    ADD CONSTRAINT table_{table}_parent FOREIGN KEY (parent_id) \
         REFERENCES public.table_{parent}(id);\n\
         ALTER TABLE ONLY public.table_{table}\n    ADD CONSTRAINT table_{table}_other FOREIGN KEY (other_id) \
         REFERENCES public.table_{parent}(id) ON DELETE CASCADE;\n\
         CREATE INDEX table_{table}_parent ON public.table_{table} USING btree (parent_id);\n\
         CREATE INDEX table_{table}_owner ON public.table_{table} USING btree (owner_id, created_at DESC);\n\
         CREATE INDEX table_{table}_title ON public.table_{table} USING btree (lower(title));\n\
         CREATE INDEX table_{table}_open ON public.table_{table} USING btree (state) WHERE active;\n\n\
         ALTER TABLE public.table_{table} ENABLE ROW LEVEL SECURITY;\n\
         CREATE POLICY see ON public.table_{table} FOR SELECT TO authenticated\n    USING (owner_id = auth.uid());\n\
         CREATE POLICY add ON public.table_{table} FOR INSERT TO authenticated\n    WITH CHECK (owner_id = auth.uid());\n\
         CREATE POLICY serve ON public.table_{table} TO service_role\n    USING (true);\n\n\
         GRANT SELECT ON TABLE public.table_{table} TO anon;\n\
         GRANT ALL ON TABLE public.table_{table} TO authenticated;\n\
         COMMENT ON TABLE public.table_{table} IS 'Things of the kind {table}';"
    )
}

fn function(name: &str, lines: usize) -> String {
    let body: String = (0..lines).fold(String::new(), |mut body, line| {
        writeln!(body, "  total := total + amount * {line};").expect("a String takes everything");
        body
    });
    format!(
        "CREATE OR REPLACE FUNCTION public.{name}(amount integer)\n    RETURNS integer\n    LANGUAGE plpgsql SECURITY DEFINER\n    \
         SET search_path TO 'public'\n    AS $$\nDECLARE\n  total integer := 0;\nBEGIN\n{body}  RETURN total;\nEND;\n$$;"
    )
}

/// A file behind the baseline.
fn later(number: usize) -> String {
    let weight = |number: usize| 1 + number % SPREAD;
    let weights: usize = (1..FILES).map(weight).sum();
    let size = if number + 1 < FILES {
        (BYTES - BASELINE) * weight(number) / weights
    } else {
        let others: usize = (1..number)
            .map(|other| (BYTES - BASELINE) * weight(other) / weights)
            .sum();
        BYTES - BASELINE - others
    };
    let mut sql = format!("-- Step {number}\n");
    for part in number..number + 100 {
        let change = change(number, part);
        if sql.len() + change.len() + 8 < size {
            put(&mut sql, &change);
        }
    }
    padded(sql, size)
}

/// Something that migrations do; which, says `part`.
fn change(number: usize, part: usize) -> String {
    let old = (number * 7 + part * 5) % TABLES;
    match part % 7 {
        0 => format!(
            "CREATE TABLE IF NOT EXISTS public.more_{number}_{part} (\n  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),\n  \
             table_id uuid REFERENCES public.table_{old} (id),\n  note text,\n  created_at timestamptz NOT NULL DEFAULT now()\n);\n\
             ALTER TABLE public.more_{number}_{part} ENABLE ROW LEVEL SECURITY;\n\
             CREATE POLICY mine ON public.more_{number}_{part} USING (table_id IN (SELECT id FROM public.table_{old}));\n\
             CREATE INDEX more_{number}_{part}_table ON public.more_{number}_{part} (table_id);"
        ),
        1 | 2 => format!(
            "DROP POLICY IF EXISTS see ON public.table_{old};\nCREATE POLICY see ON public.table_{old} FOR SELECT TO authenticated\n  \
             USING (owner_id = (SELECT auth.uid()));"
        ),
        3 => function(&format!("later_{number}_{}", part % 5), 24),
        4 => format!("CREATE INDEX IF NOT EXISTS later_{number}_{part} ON public.table_{old} (amount, created_at);"),
        5 => format!(
            "ALTER TABLE public.table_{old} ADD COLUMN IF NOT EXISTS extra_{number} text DEFAULT 'none';\n\
             COMMENT ON COLUMN public.table_{old}.extra_{number} IS 'Came with step {number}';"
        ),
        _ => format!(
            "INSERT INTO public.table_{old} (owner_id, title) VALUES (gen_random_uuid(), 'Step {number}') ON CONFLICT DO NOTHING;\n\
             UPDATE public.table_{old} SET active = false WHERE title = 'Step {part}';"
        ),
    }
}

fn put(sql: &mut String, statement: &str) {
    sql.push_str(statement);
    sql.push_str("\n\n");
}

/// Comments fill it up to its size.
fn padded(mut sql: String, size: usize) -> String {
    let line = format!("-- {}\n", ".".repeat(32));
    while sql.len() + line.len() < size {
        sql.push_str(&line);
    }
    let rest = size
        .checked_sub(sql.len())
        .expect("a file is not longer than the real one");
    sql.push_str(&"\n".repeat(rest));
    sql
}
