//! MigrationSets end to end: the operator's process under its ServiceAccount, the real API server, a real PostgreSQL, and the
//! official CLI beside it. One operator serves all of these tests, each in a namespace and a database of its own; what needs a
//! server that can be stopped has one.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod runs;

/// Between two looks, where a test waits for them: 0.5 s at the shared operator's pace.
const OFTEN: &str = "30s";
/// Where nothing depends on a look: 24 minutes at that pace, so that whatever happens was caused.
const RARELY: &str = "24h";
/// A table with row security, as the next plan needs it.
const NOTES: (&str, &str) = (
    "20260101000000_notes.sql",
    "CREATE TABLE public.notes (id bigint PRIMARY KEY, body text);\nALTER TABLE public.notes ENABLE ROW LEVEL SECURITY;\n",
);
