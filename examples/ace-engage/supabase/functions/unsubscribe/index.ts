/**
 * The link at the end of every message: ?recipient=<id>&signature=<hex HMAC-SHA256 of the id under LINK_SECRET>.
 *
 * GET only tells, because mail scanners follow links; POST does it (one click, RFC 8058).
 */
import { withCors } from "../_shared/cors.ts";
import { sameText, sign, toHex } from "../_shared/crypto.ts";
import { sql } from "../_shared/database.ts";
import { endpoint, HttpError, json } from "../_shared/http.ts";
import { parseQuery, z } from "../_shared/validate.ts";

const Link = z.object({ recipient: z.uuid(), signature: z.string().length(64) });

async function readLink(request: Request): Promise<string> {
  const { recipient, signature } = parseQuery(request, Link);
  const secret = Deno.env.get("LINK_SECRET");
  if (!secret) throw new HttpError(503, "not_configured", "LINK_SECRET is not set");
  const expected = toHex(await sign("SHA-256", secret, recipient));
  if (!await sameText(signature, expected)) throw new HttpError(403, "bad_signature", "this link is not one of ours");
  return recipient;
}

async function tell(request: Request): Promise<Response> {
  const recipient = await readLink(request);
  const [found] = await sql<{ unsubscribed: boolean }[]>`
    select unsubscribed_at is not null as unsubscribed from recipients where id = ${recipient}`;
  if (found === undefined) throw new HttpError(404, "unknown_recipient", "there is no such recipient");
  return json(found);
}

async function unsubscribe(request: Request): Promise<Response> {
  const recipient = await readLink(request);
  await sql.begin(async (sql) => {
    const [found] = await sql<{ already: boolean }[]>`
      select unsubscribed_at is not null as already from recipients where id = ${recipient} for update`;
    if (found === undefined) throw new HttpError(404, "unknown_recipient", "there is no such recipient");
    if (found.already) return;
    await sql`update recipients set unsubscribed_at = now() where id = ${recipient}`;
    await sql`
      insert into opt_ins (recipient_id, status) values (${recipient}, 'opted_out')
      on conflict (recipient_id) do update set status = 'opted_out', updated_at = now()`;
    await sql`
      insert into opt_in_events (recipient_id, status, source) values (${recipient}, 'opted_out', 'unsubscribe')`;
  });
  return json({ unsubscribed: true });
}

Deno.serve(withCors("GET, POST", endpoint({ GET: tell, POST: unsubscribe })));
