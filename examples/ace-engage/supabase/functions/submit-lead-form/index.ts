/** POST {purl, full_name, email, phone?, consent}: contact details, as JSON or straight from the landing page's form. */
import { withCors } from "../_shared/cors.ts";
import { sql } from "../_shared/database.ts";
import { endpoint, functionUrl, HttpError, json } from "../_shared/http.ts";
import { limit } from "../_shared/rate-limit.ts";
import { parseBody, phone, z } from "../_shared/validate.ts";

const Lead = z.object({
  purl: z.string().trim().toUpperCase().regex(/^[A-Z0-9-]{3,40}$/, "use the code of your personal page"),
  full_name: z.string().trim().min(1, "tell us your name").max(120),
  email: z.email("this is no e-mail address").max(254),
  // A form sends an empty field where JSON sends none.
  phone: z.literal("").transform(() => undefined).or(phone).optional(),
  consent: z.union([z.literal(true), z.literal("true")], "we need your consent"),
});

async function submit(request: Request): Promise<Response> {
  const lead = await parseBody(request, Lead);
  await limit(request, { name: "submit-lead-form", attempts: 10, windowSeconds: 60 });

  // Sent twice, or corrected: the newest details count, the first consent stays.
  const [saved] = await sql<{ recipient: string; created: boolean }[]>`
    insert into leads as l (recipient_id, full_name, email, phone, consent_at)
    select p.recipient_id, ${lead.full_name}, ${lead.email}, ${lead.phone ?? null}, now()
    from purls p
    join recipients r on r.id = p.recipient_id
    join campaigns c on c.id = r.campaign_id and c.status = 'active'
    where p.code = ${lead.purl}
    on conflict (recipient_id) do update set
      full_name = excluded.full_name, email = excluded.email, phone = excluded.phone, updated_at = now()
    returning recipient_id as recipient, l.consent_at = l.updated_at as created`;
  if (saved === undefined) throw new HttpError(404, "unknown_page", "there is no such page");

  if (request.headers.get("content-type")?.startsWith("application/x-www-form-urlencoded")) {
    return new Response(null, { status: 303, headers: { location: functionUrl("handle-purl", `/${lead.purl}`) } });
  }
  return json({ saved: true, created: saved.created }, saved.created ? 201 : 200);
}

Deno.serve(withCors("POST", endpoint({ POST: submit })));
