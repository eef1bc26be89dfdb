//! A schema of the size of a real one: 132 tables, 132 functions and 642 indexes were measured. `make bench` uses it, too.

use std::fmt::Write;

/// SQL of so many tables (12 columns, 4 indexes, foreign key, trigger, policy, grants each) and functions.
pub fn schema(tables: usize, functions: usize) -> String {
    let mut sql = String::new();
    for function in 0..functions {
        writeln!(
            sql,
            "CREATE FUNCTION public.work_{function}(amount integer, note text DEFAULT 'none') RETURNS integer LANGUAGE plpgsql \
             STABLE SECURITY DEFINER SET search_path = public AS $$ BEGIN {} RETURN amount + {function}; END $$;",
            "PERFORM length(note); ".repeat(60)
        )
        .expect("a String takes everything");
    }
    sql += "CREATE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\n";
    for table in 0..tables {
        let parent = table.saturating_sub(1);
        writeln!(
            sql,
            "CREATE TABLE public.table_{table} (
               id uuid PRIMARY KEY DEFAULT gen_random_uuid(), parent_id uuid REFERENCES public.table_{parent} (id) ON DELETE CASCADE,
               owner_id uuid NOT NULL, title text NOT NULL, state text DEFAULT 'draft', amount numeric(12, 2) DEFAULT 0,
               settings jsonb DEFAULT '{{}}', tags text[], active boolean DEFAULT true, total bigint,
               created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz DEFAULT now());
             CREATE INDEX table_{table}_parent ON public.table_{table} (parent_id);
             CREATE INDEX table_{table}_owner ON public.table_{table} (owner_id, created_at DESC);
             CREATE INDEX table_{table}_title ON public.table_{table} (lower(title));
             CREATE INDEX table_{table}_open ON public.table_{table} (state) WHERE active;
             CREATE TRIGGER touched BEFORE UPDATE ON public.table_{table} FOR EACH ROW EXECUTE FUNCTION public.stamp();
             ALTER TABLE public.table_{table} ENABLE ROW LEVEL SECURITY;
             CREATE POLICY mine ON public.table_{table} USING (owner_id = (SELECT auth.uid()) AND state <> 'gone');"
        )
        .expect("a String takes everything");
    }
    sql
}
