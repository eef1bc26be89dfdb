/** The project's Postgres. An isolate has one connection: opened by its first query, closed when idle. */
import postgres from "npm:postgres@3.4.9";

const url = Deno.env.get("SUPABASE_DB_URL");
if (url === undefined) throw new Error("SUPABASE_DB_URL is not set");

export const sql = postgres(url, {
  max: 1,
  // Seconds. An idle isolate must not hold one of the database's few connections.
  idle_timeout: 20,
  connect_timeout: 5,
  // Named statements would break behind a pooler in transaction mode.
  prepare: false,
  // Notices may quote rows.
  onnotice: () => {},
  connection: { application_name: "ace-engage", statement_timeout: 5_000 },
});

/** What runs a query: the connection itself, or a transaction on it. */
export type Query = postgres.ISql;
