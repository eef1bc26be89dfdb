/** Twilio's webhooks: forms, signed with the account's token, delivered at least once. */
import { sameText, sign } from "./crypto.ts";
import type { Query } from "./database.ts";
import { functionUrl, HttpError, readText } from "./http.ts";

/** The fields of a webhook that really comes from Twilio. */
export async function readWebhook(request: Request, slug: string): Promise<URLSearchParams> {
  const token = Deno.env.get("TWILIO_AUTH_TOKEN");
  // Without a token there is nothing to check against, and an unchecked webhook is an open door.
  if (!token) throw new HttpError(503, "not_configured", "TWILIO_AUTH_TOKEN is not set");

  const form = new URLSearchParams(await readText(request));
  const fields = [...form].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).flat().join("");
  // Twilio signs the address it was given, which is the gateway's and not the one seen in here.
  const { pathname, search } = new URL(request.url);
  const rest = pathname.replace(/^(\/functions\/v1)?\/[^/]+/, "");
  const expected = btoa(String.fromCharCode(...await sign("SHA-1", token, functionUrl(slug, rest + search) + fields)));
  if (!await sameText(request.headers.get("x-twilio-signature") ?? "", expected)) {
    throw new HttpError(403, "bad_signature", "the signature is not Twilio's");
  }
  return form;
}

/** Remembers a delivery, in the transaction of its effects; false when it has been handled before. */
export async function isFirstDelivery(sql: Query, eventId: string): Promise<boolean> {
  const rows = await sql`
    insert into webhook_events (provider, event_id) values ('twilio', ${eventId})
    on conflict do nothing returning event_id`;
  return rows.length === 1;
}

/** Instructions for Twilio. */
export function twiml(verb?: "Say" | "Message", text = ""): Response {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const body = verb ? `<Response><${verb}>${escaped}</${verb}></Response>` : "<Response/>";
  return new Response(`<?xml version="1.0" encoding="UTF-8"?>${body}`, { headers: { "content-type": "text/xml" } });
}
