/** How often one caller may try, counted where all isolates see it: in the database. */
import { sql } from "./database.ts";
import { HttpError } from "./http.ts";

interface Limit {
  /** What is counted, such as the function's slug. */
  name: string;
  attempts: number;
  windowSeconds: number;
}

/** Counts one attempt and refuses it with 429 when there were too many. A failed count is an error, not a pass. */
export async function limit(request: Request, { name, attempts, windowSeconds }: Limit): Promise<void> {
  // The gateway puts the caller first; someone who forges the header only gets a bucket of his own forging,
  // so this slows guessing down but is never the only lock.
  const caller = request.headers.get("x-forwarded-for")?.split(",")[0].trim() || "unknown";
  const bucket = `${name}:${caller.slice(0, 64)}`;
  const [{ hits, wait }] = await sql<{ hits: number; wait: number }[]>`
    insert into rate_limits as r (bucket, window_start, hits)
    values (${bucket}, date_bin(make_interval(secs => ${windowSeconds}), now(), 'epoch'), 1)
    on conflict (bucket) do update set
      hits = case when r.window_start = excluded.window_start then r.hits + 1 else 1 end,
      window_start = excluded.window_start
    returning hits, ceil(extract(epoch from window_start - now()) + ${windowSeconds})::int as wait`;
  if (hits > attempts) {
    throw new HttpError(429, "too_many_attempts", `try again in ${wait} seconds`, {
      headers: { "retry-after": String(wait) },
    });
  }
}
