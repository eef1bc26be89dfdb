/** GET ?campaign=<slug>[&format=csv]: how far a campaign's recipients have come. */
import { requireStaff } from "../_shared/auth.ts";
import { withCors } from "../_shared/cors.ts";
import { sql } from "../_shared/database.ts";
import { endpoint, HttpError, json } from "../_shared/http.ts";
import type { FunnelStep } from "../_shared/types.ts";
import { parseQuery, z } from "../_shared/validate.ts";
import { stringify } from "csv-stringify/sync";

const Query = z.object({
  campaign: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "use the campaign's slug"),
  format: z.enum(["json", "csv"]).default("json"),
});

async function stats(request: Request): Promise<Response> {
  requireStaff(request);
  const { campaign, format } = parseQuery(request, Query);

  const [found] = await sql<{ id: string }[]>`select id from campaigns where slug = ${campaign}`;
  if (found === undefined) throw new HttpError(404, "unknown_campaign", "there is no such campaign");

  const [counts] = await sql<Record<string, number>[]>`
    select count(*)::int as mailed,
           count(*) filter (where exists (
             select from purls p join purl_visits v using (code) where p.recipient_id = r.id))::int as visited,
           count(*) filter (where exists (select from leads l where l.recipient_id = r.id))::int as leads,
           count(*) filter (where exists (
             select from opt_ins o where o.recipient_id = r.id and o.status = 'opted_in'))::int as opted_in,
           count(*) filter (where exists (select from calls c where c.recipient_id = r.id))::int as called,
           count(*) filter (where exists (select from gift_cards g where g.recipient_id = r.id))::int as rewarded,
           count(r.unsubscribed_at)::int as unsubscribed
    from recipients r
    where r.campaign_id = ${found.id}`;
  const funnel: FunnelStep[] = Object.entries(counts).map(([step, recipients]) => ({ step, recipients }));

  if (format === "json") return json({ campaign, funnel });
  return new Response(stringify(funnel, { header: true }), {
    headers: { "content-type": "text/csv; charset=utf-8", "cache-control": "no-store" },
  });
}

Deno.serve(withCors("GET", endpoint({ GET: stats })));
