/** GET: whether the project can do its work, for status pages and load balancers. */
import { withCors } from "../_shared/cors.ts";
import { sql } from "../_shared/database.ts";
import { endpoint, json } from "../_shared/http.ts";

const TABLES = ["campaigns", "recipients", "leads", "opt_ins", "calls", "gift_cards"];

async function health(): Promise<Response> {
  let missing: string[];
  try {
    const rows = await sql<{ name: string }[]>`
      select name from unnest(${TABLES}::text[]) as name where to_regclass('public.' || name) is null`;
    missing = rows.map((row) => row.name);
  } catch (error) {
    console.error(JSON.stringify({ level: "error", database: "down", code: (error as { code?: string }).code }));
    return json({ status: "down", database: "down" }, 503);
  }
  return missing.length === 0
    ? json({ status: "ok", database: "up" })
    : json({ status: "down", database: "up", missingTables: missing }, 503);
}

Deno.serve(withCors("GET", endpoint({ GET: health })));
