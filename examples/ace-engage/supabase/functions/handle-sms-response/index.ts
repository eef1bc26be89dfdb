/** POST from Twilio: somebody answered a text message. YES and STOP are binding, whatever else they write. */
import { sql } from "../_shared/database.ts";
import { endpoint, HttpError } from "../_shared/http.ts";
import { isFirstDelivery, readWebhook, twiml } from "../_shared/twilio.ts";

const YES = new Set(["YES", "Y", "START", "UNSTOP"]);
const STOP = new Set(["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"]);

async function handle(request: Request): Promise<Response> {
  const form = await readWebhook(request, "handle-sms-response");
  const [message, from, body] = ["MessageSid", "From", "Body"].map((name) => form.get(name));
  if (!message || !from || body === null) {
    throw new HttpError(400, "invalid_request", "this is no message that we understand");
  }
  const word = body.trim().toUpperCase();
  const status = YES.has(word) ? "opted_in" : STOP.has(word) ? "opted_out" : null;
  if (status === null) return twiml("Message", "Reply YES to agree or STOP to end.");

  return await sql.begin(async (sql) => {
    if (!await isFirstDelivery(sql, message)) return twiml();
    // A "no" holds for every campaign that has this number; a "yes" only where we asked, or where it takes back a "no".
    const changed = status === "opted_out"
      ? await sql`
        insert into opt_ins as o (recipient_id, status)
        select id, 'opted_out' from recipients where phone = ${from}
        on conflict (recipient_id) do update set status = 'opted_out', updated_at = now()
        where o.status <> 'opted_out'
        returning recipient_id`
      : await sql`
        update opt_ins o set status = 'opted_in', updated_at = now()
        from recipients r
        where r.id = o.recipient_id and r.phone = ${from} and o.status <> 'opted_in'
        returning o.recipient_id`;
    for (const { recipient_id } of changed) {
      await sql`
        insert into opt_in_events (recipient_id, status, source) values (${recipient_id}, ${status}, 'handle-sms-response')`;
    }
    if (changed.length === 0) return twiml();
    // The carrier itself confirms a STOP, and forbids us to write after it.
    return status === "opted_in" ? twiml("Message", "Thank you! Your reward is on its way.") : twiml();
  });
}

Deno.serve(endpoint({ POST: handle }));
