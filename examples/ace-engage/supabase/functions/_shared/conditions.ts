/** What a recipient still has to do before the gift card is due. */
import type { Query } from "./database.ts";
import type { Condition } from "./types.ts";

/** The conditions of the recipient's campaign, each with how far the recipient has come. */
export async function conditionsOf(sql: Query, recipientId: string): Promise<Condition[]> {
  return await sql<Condition[]>`
    select c.kind, c.label, c.threshold as needed, coalesce(p.reached, 0) as reached,
           coalesce(p.reached, 0) >= c.threshold as met
    from recipients r
    join campaign_conditions c on c.campaign_id = r.campaign_id
    cross join lateral (
      select case c.kind
        when 'purl_visited' then
          (select count(*) from purl_visits v join purls u using (code) where u.recipient_id = r.id)
        when 'lead_submitted' then
          (select count(*) from leads l where l.recipient_id = r.id)
        when 'sms_opted_in' then
          (select count(*) from opt_ins o where o.recipient_id = r.id and o.status = 'opted_in')
        when 'call_seconds' then
          (select max(k.duration_seconds) from calls k where k.recipient_id = r.id and k.status = 'completed')
      end::int as reached
    ) p
    where r.id = ${recipientId}
    order by c.kind`;
}

/** Whether a card is due. A campaign for which nobody has written down any condition gives nothing away. */
export function allMet(conditions: Condition[]): boolean {
  return conditions.length > 0 && conditions.every((condition) => condition.met);
}
