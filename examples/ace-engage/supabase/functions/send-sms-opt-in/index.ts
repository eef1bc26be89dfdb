/** POST {recipient}: asks a recipient, once, whether we may send text messages. */
import { requireStaff } from "../_shared/auth.ts";
import { withCors } from "../_shared/cors.ts";
import { sql } from "../_shared/database.ts";
import { endpoint, HttpError, json } from "../_shared/http.ts";
import { parseBody, z } from "../_shared/validate.ts";

const Body = z.object({ recipient: z.uuid() });

interface Recipient {
  phone: string | null;
  unsubscribed: boolean;
  campaign: string;
  status: "pending" | "opted_in" | "opted_out" | null;
}

async function ask(request: Request): Promise<Response> {
  requireStaff(request);
  const { recipient } = await parseBody(request, Body);
  const sender = Deno.env.get("TWILIO_FROM_NUMBER") ?? Deno.env.get("TWILIO_PHONE_NUMBER");
  if (!sender) throw new HttpError(503, "not_configured", "neither TWILIO_FROM_NUMBER nor TWILIO_PHONE_NUMBER is set");

  return await sql.begin(async (sql) => {
    // The lock makes a second click wait and then find the question asked.
    const [found] = await sql<Recipient[]>`
      select r.phone, r.unsubscribed_at is not null as unsubscribed, c.name as campaign, o.status
      from recipients r
      join campaigns c on c.id = r.campaign_id
      left join opt_ins o on o.recipient_id = r.id
      where r.id = ${recipient}
      for update of r`;
    if (found === undefined) throw new HttpError(404, "unknown_recipient", "there is no such recipient");
    if (found.phone === null) throw new HttpError(409, "no_phone", "the recipient has no phone number");
    // Asking again after a "no" is what the law forbids.
    if (found.unsubscribed || found.status === "opted_out") {
      throw new HttpError(409, "opted_out", "the recipient does not want to hear from us");
    }
    if (found.status !== null) return json({ recipient, status: found.status, asked: false });

    const text = `${found.campaign}: reply YES to get your reward by text. Msg & data rates may apply. STOP to end.`;
    await sql`insert into opt_ins (recipient_id, status) values (${recipient}, 'pending')`;
    await sql`
      insert into opt_in_events (recipient_id, status, source) values (${recipient}, 'pending', 'send-sms-opt-in')`;
    await sql`
      insert into sms_messages (recipient_id, purpose, from_number, to_number, body)
      values (${recipient}, 'opt_in', ${sender}, ${found.phone}, ${text})`;
    return json({ recipient, status: "pending", asked: true }, 202);
  });
}

Deno.serve(withCors("POST", endpoint({ POST: ask })));
