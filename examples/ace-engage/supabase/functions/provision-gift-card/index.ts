/**
 * POST {recipient}: gives a recipient who has met all conditions the one gift card of the campaign.
 *
 * May be called as often as you like and by as many callers at once: a recipient gets one card, a card
 * goes to one recipient, and a repeated call is answered with the card that was given.
 */
import { requireService } from "../_shared/auth.ts";
import { allMet, conditionsOf } from "../_shared/conditions.ts";
import { sql } from "../_shared/database.ts";
import { endpoint, HttpError, json } from "../_shared/http.ts";
import { parseBody, z } from "../_shared/validate.ts";

const Body = z.object({ recipient: z.uuid() });

interface Card {
  code: string;
  balanceCents: number;
  currency: string;
  brand: string;
  expiresAt: Date;
}

async function provision(request: Request): Promise<Response> {
  await requireService(request);
  const { recipient } = await parseBody(request, Body);

  return await sql.begin(async (sql) => {
    // Two calls for one recipient queue here, and the second finds the card of the first.
    const [found] = await sql<{ status: string; pool: string | null }[]>`
      select c.status, c.pool_id as pool
      from recipients r join campaigns c on c.id = r.campaign_id
      where r.id = ${recipient}
      for update of r`;
    if (found === undefined) throw new HttpError(404, "unknown_recipient", "there is no such recipient");

    const card = () =>
      sql<Card[]>`
        select g.code, g.balance_cents as "balanceCents", p.currency, p.brand, g.expires_at as "expiresAt"
        from gift_cards g join gift_card_pools p on p.id = g.pool_id
        where g.recipient_id = ${recipient}`;
    const [given] = await card();
    if (given !== undefined) return json({ recipient, card: given, repeated: true });

    if (found.status !== "active") throw new HttpError(409, "campaign_inactive", "the campaign is not active");
    const conditions = await conditionsOf(sql, recipient);
    if (!allMet(conditions)) {
      const missing = conditions.filter((condition) => !condition.met).map((condition) => condition.label);
      throw new HttpError(
        409,
        "conditions_not_met",
        `still to do: ${missing.join(", ") || "write down the conditions"}`,
      );
    }

    // Calls for different recipients step over each other's rows instead of waiting for them.
    const claimed = await sql`
      update gift_cards set recipient_id = ${recipient}, claimed_at = now()
      where id = (
        select id from gift_cards
        where pool_id = ${found.pool} and recipient_id is null and expires_at > now()
        order by expires_at, id
        limit 1
        for update skip locked
      )
      returning id`;
    if (claimed.length === 0) throw new HttpError(409, "pool_empty", "no gift card is left");
    return json({ recipient, card: (await card())[0], repeated: false }, 201);
  });
}

Deno.serve(endpoint({ POST: provision }));
