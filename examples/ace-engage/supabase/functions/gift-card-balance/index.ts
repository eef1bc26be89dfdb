/** POST {code}: what is left on a gift card. In the body, because addresses end up in logs and a code is money. */
import { withCors } from "../_shared/cors.ts";
import { sql } from "../_shared/database.ts";
import { endpoint, HttpError, json } from "../_shared/http.ts";
import { limit } from "../_shared/rate-limit.ts";
import { parseBody, z } from "../_shared/validate.ts";

const Body = z.object({
  code: z.string().trim().toUpperCase().regex(/^[A-Z0-9-]{8,40}$/, "this is no gift card code"),
});

interface Balance {
  brand: string;
  balanceCents: number;
  currency: string;
  expiresAt: Date;
  expired: boolean;
}

async function balance(request: Request): Promise<Response> {
  const { code } = await parseBody(request, Body);
  await limit(request, { name: "gift-card-balance", attempts: 20, windowSeconds: 60 });

  // A card that nobody owns yet is nobody's to ask about.
  const [card] = await sql<Balance[]>`
    select p.brand, g.balance_cents as "balanceCents", p.currency, g.expires_at as "expiresAt",
           g.expires_at <= now() as expired
    from gift_cards g join gift_card_pools p on p.id = g.pool_id
    where g.code = ${code} and g.recipient_id is not null`;
  if (card === undefined) throw new HttpError(404, "unknown_card", "there is no such gift card");
  return json(card);
}

Deno.serve(withCors("POST", endpoint({ POST: balance })));
