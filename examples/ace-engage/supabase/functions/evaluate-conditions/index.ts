/** GET ?recipient=<id>: what a recipient has done, and what is left before the gift card is due. */
import { requireStaff } from "../_shared/auth.ts";
import { allMet, conditionsOf } from "../_shared/conditions.ts";
import { withCors } from "../_shared/cors.ts";
import { sql } from "../_shared/database.ts";
import { endpoint, HttpError, json } from "../_shared/http.ts";
import type { Condition } from "../_shared/types.ts";
import { parseQuery, z } from "../_shared/validate.ts";

const Query = z.object({ recipient: z.uuid() });

async function evaluate(request: Request): Promise<Response> {
  requireStaff(request);
  const { recipient } = parseQuery(request, Query);

  const [known] = await sql`select id from recipients where id = ${recipient}`;
  if (known === undefined) throw new HttpError(404, "unknown_recipient", "there is no such recipient");

  const conditions: Condition[] = await conditionsOf(sql, recipient);
  return json({ recipient, met: allMet(conditions), conditions });
}

Deno.serve(withCors("GET", endpoint({ GET: evaluate })));
