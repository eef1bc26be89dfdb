/** GET: how many gift cards are left in each pool, and for how long. */
import { requireStaff } from "../_shared/auth.ts";
import { withCors } from "../_shared/cors.ts";
import { sql } from "../_shared/database.ts";
import { endpoint, json } from "../_shared/http.ts";
import type { PoolStock } from "../_shared/types.ts";

async function inventory(request: Request): Promise<Response> {
  requireStaff(request);
  // From the pools, not from the cards: an empty pool is the one that has no cards to be found by.
  const pools = await sql<PoolStock[]>`
    with stock as (
      select p.*,
             count(g.id) filter (where g.recipient_id is null and g.expires_at > now())::int as available,
             count(g.recipient_id)::int as claimed,
             count(*) filter (where g.claimed_at > now() - interval '1 day')::int as claimed_today
      from gift_card_pools p
      left join gift_cards g on g.pool_id = p.id
      group by p.id
    )
    select brand, denomination_cents as "denominationCents", currency, available, claimed,
           case when available = 0 then 'empty'
                when available < critical_threshold then 'critical'
                when available < low_threshold then 'low'
                else 'ok' end as level,
           round(available * 24.0 / nullif(claimed_today, 0), 1)::float as "hoursLeft"
    from stock
    order by brand, denomination_cents`;
  return json({ pools });
}

Deno.serve(withCors("GET", endpoint({ GET: inventory })));
