/**
 * POST {code, amount_cents, reference}: takes an amount off a gift card.
 *
 * `reference` is the merchant's own number for the sale: a sale that is sent again is not charged again.
 */
import { withCors } from "../_shared/cors.ts";
import { sql } from "../_shared/database.ts";
import { endpoint, HttpError, json } from "../_shared/http.ts";
import { limit } from "../_shared/rate-limit.ts";
import { parseBody, z } from "../_shared/validate.ts";

const Body = z.object({
  code: z.string().trim().toUpperCase().regex(/^[A-Z0-9-]{8,40}$/, "this is no gift card code"),
  amount_cents: z.int().positive().max(1_000_000),
  reference: z.string().trim().min(1).max(80),
});

async function redeem(request: Request): Promise<Response> {
  const { code, amount_cents: amount, reference } = await parseBody(request, Body);
  await limit(request, { name: "redeem-gift-card", attempts: 20, windowSeconds: 60 });

  return await sql.begin(async (sql) => {
    const [card] = await sql<{ id: string; balance: number; expired: boolean }[]>`
      select id, balance_cents as balance, expires_at <= now() as expired
      from gift_cards
      where code = ${code} and recipient_id is not null
      for update`;
    if (card === undefined) throw new HttpError(404, "unknown_card", "there is no such gift card");

    const [earlier] = await sql<{ amount: number }[]>`
      select amount_cents as amount from gift_card_redemptions where card_id = ${card.id} and reference = ${reference}`;
    if (earlier !== undefined) {
      if (earlier.amount !== amount) {
        throw new HttpError(409, "reference_used", "this reference was used for another amount");
      }
      return json({ reference, amountCents: amount, balanceCents: card.balance, repeated: true });
    }
    if (card.expired) throw new HttpError(409, "expired", "the gift card has expired");
    if (card.balance < amount) throw new HttpError(409, "balance_too_low", `only ${card.balance} cents are left`);

    await sql`
      insert into gift_card_redemptions (card_id, reference, amount_cents) values (${card.id}, ${reference}, ${amount})`;
    await sql`update gift_cards set balance_cents = balance_cents - ${amount} where id = ${card.id}`;
    return json({ reference, amountCents: amount, balanceCents: card.balance - amount, repeated: false }, 201);
  });
}

Deno.serve(withCors("POST", endpoint({ POST: redeem })));
