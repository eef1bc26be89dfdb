/** GET /<code>: the personal page that is printed on a recipient's mail piece. */
import { sql } from "../_shared/database.ts";
import { endpoint, functionUrl, HttpError } from "../_shared/http.ts";

const template = await Deno.readTextFile(new URL("./templates/landing.html", import.meta.url));

interface Visitor {
  firstName: string;
  campaign: string;
  answered: boolean;
}

async function landing(request: Request): Promise<Response> {
  const code = new URL(request.url).pathname.split("/").pop()?.toUpperCase() ?? "";
  const [visitor] = /^[A-Z0-9-]{3,40}$/.test(code)
    ? await sql<Visitor[]>`
      select r.first_name as "firstName", c.name as campaign, l.recipient_id is not null as answered
      from purls p
      join recipients r on r.id = p.recipient_id
      join campaigns c on c.id = r.campaign_id and c.status = 'active'
      left join leads l on l.recipient_id = r.id
      where p.code = ${code}`
    : [];
  // Old mail lies around for years: an ended campaign looks like one that never was.
  if (visitor === undefined) throw new HttpError(404, "unknown_page", "there is no such page");
  await sql`insert into purl_visits (code) values (${code})`;

  const page = fill({
    code,
    campaign: visitor.campaign,
    first_name: visitor.firstName,
    form_url: functionUrl("submit-lead-form"),
    greeting: visitor.answered
      ? "Thank you, we have your details. You can correct them here."
      : "We have a gift for you. Tell us where to send it.",
  });
  return new Response(page, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    },
  });
}

function fill(values: Record<string, string>): string {
  return template.replaceAll(/\{\{(\w+)\}\}/g, (_, name) => escape(values[name]));
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

Deno.serve(endpoint({ GET: landing }));
