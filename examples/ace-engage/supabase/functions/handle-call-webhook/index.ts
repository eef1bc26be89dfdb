/** POST from Twilio: a call to a campaign's number came in, or went on. Answered with what to say. */
import { sql } from "../_shared/database.ts";
import { endpoint, HttpError } from "../_shared/http.ts";
import { isFirstDelivery, readWebhook, twiml } from "../_shared/twilio.ts";
import { z } from "../_shared/validate.ts";

const Call = z.object({
  CallSid: z.string().regex(/^CA[0-9a-f]{32}$/),
  CallStatus: z.enum([
    "queued",
    "initiated",
    "ringing",
    "in-progress",
    "canceled",
    "no-answer",
    "busy",
    "failed",
    "completed",
  ]),
  From: z.string().max(32),
  To: z.string().max(32),
  CallDuration: z.coerce.number().int().min(0).default(0),
});

async function handle(request: Request): Promise<Response> {
  const form = await readWebhook(request, "handle-call-webhook");
  const parsed = Call.safeParse(Object.fromEntries(form));
  if (!parsed.success) throw new HttpError(400, "invalid_request", "this is no call that we understand");
  const call = parsed.data;

  return await sql.begin(async (sql) => {
    const [campaign] = await sql<{ id: string; name: string; status: string }[]>`
      select id, name, status from campaigns where tracked_number = ${call.To}`;
    if (campaign === undefined) return twiml("Say", "This number is not in use.");

    if (await isFirstDelivery(sql, `${call.CallSid}:${call.CallStatus}`)) {
      // Callbacks overtake each other: a call only ever moves forward.
      await sql`
        insert into calls as c (call_sid, campaign_id, recipient_id, from_number, status, duration_seconds)
        values (
          ${call.CallSid}, ${campaign.id},
          (select id from recipients where campaign_id = ${campaign.id} and phone = ${call.From}),
          ${call.From}, ${call.CallStatus}, ${call.CallDuration}
        )
        on conflict (call_sid) do update set
          status = greatest(c.status, excluded.status),
          duration_seconds = greatest(c.duration_seconds, excluded.duration_seconds)`;
    }
    return campaign.status === "active"
      ? twiml("Say", `Thank you for calling ${campaign.name}. Please hold the line.`)
      : twiml("Say", `${campaign.name} has ended. Thank you for calling.`);
  });
}

Deno.serve(endpoint({ POST: handle }));
