-- Rows to play with: see ../README.md for what they are good for. `supabase db reset` runs this, and it may be run again:
--   psql "$DATABASE_URL" --single-transaction -v ON_ERROR_STOP=1 -f supabase/seed.sql

insert into public.gift_card_pools (id, brand, denomination_cents, low_threshold, critical_threshold) values
  ('10000000-0000-4000-8000-000000000001', 'Corner Coffee', 2500, 5, 2),
  ('10000000-0000-4000-8000-000000000002', 'Book Harbour', 5000, 5, 2)
on conflict do nothing;

insert into public.gift_cards (id, pool_id, code, balance_cents, expires_at)
select ('20000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
       '10000000-0000-4000-8000-000000000001',
       'COFFEE-' || upper(substr(md5('coffee ' || n), 1, 12)),
       2500,
       timestamptz '2036-01-01 00:00:00+00'
from generate_series(1, 12) as n
on conflict do nothing;

insert into public.campaigns (id, slug, name, status, tracked_number, pool_id) values
  ('30000000-0000-4000-8000-000000000001', 'summer', 'Summer of Coffee', 'active', '+15550100001', '10000000-0000-4000-8000-000000000001'),
  ('30000000-0000-4000-8000-000000000002', 'harbour', 'Harbour Nights', 'active', '+15550100002', '10000000-0000-4000-8000-000000000002')
on conflict do nothing;

insert into public.campaign_conditions (campaign_id, kind, label, threshold) values
  ('30000000-0000-4000-8000-000000000001', 'purl_visited', 'opened the personal page', 1),
  ('30000000-0000-4000-8000-000000000001', 'lead_submitted', 'left contact details', 1),
  ('30000000-0000-4000-8000-000000000001', 'sms_opted_in', 'agreed to text messages', 1),
  ('30000000-0000-4000-8000-000000000002', 'call_seconds', 'talked to us for a minute', 60)
on conflict do nothing;

insert into public.recipients (id, campaign_id, first_name, last_name, email, phone) values
  ('40000000-0000-4000-8000-000000000001', '30000000-0000-4000-8000-000000000001', 'Ada', 'Lovelace', 'ada@example.com', '+15550110001'),
  ('40000000-0000-4000-8000-000000000002', '30000000-0000-4000-8000-000000000001', 'Grace', 'Hopper', 'grace@example.com', '+15550110002'),
  ('40000000-0000-4000-8000-000000000003', '30000000-0000-4000-8000-000000000001', 'Alan', 'Turing', 'alan@example.com', '+15550110003'),
  ('40000000-0000-4000-8000-000000000004', '30000000-0000-4000-8000-000000000002', 'Edsger', 'Dijkstra', 'edsger@example.com', '+15550110004')
on conflict do nothing;

insert into public.purls (code, recipient_id) values
  ('ADA-2026', '40000000-0000-4000-8000-000000000001'),
  ('GRACE-2026', '40000000-0000-4000-8000-000000000002'),
  ('ALAN-2026', '40000000-0000-4000-8000-000000000003'),
  ('EDSGER-2026', '40000000-0000-4000-8000-000000000004')
on conflict do nothing;

-- Grace and Alan have done everything; Ada is yet to start; Edsger waits for a call.
insert into public.purl_visits (code)
select code from public.purls p
where code in ('GRACE-2026', 'ALAN-2026')
  and not exists (select from public.purl_visits v where v.code = p.code);

insert into public.leads (recipient_id, full_name, email, consent_at) values
  ('40000000-0000-4000-8000-000000000002', 'Grace Hopper', 'grace@example.com', now()),
  ('40000000-0000-4000-8000-000000000003', 'Alan Turing', 'alan@example.com', now())
on conflict do nothing;

with agreed as (
  insert into public.opt_ins (recipient_id, status) values
    ('40000000-0000-4000-8000-000000000002', 'opted_in'),
    ('40000000-0000-4000-8000-000000000003', 'opted_in')
  on conflict do nothing
  returning recipient_id, status
)
insert into public.opt_in_events (recipient_id, status, source)
select recipient_id, status, 'seed' from agreed;

insert into public.alert_rules (id, name, category, event_type, severity_threshold) values
  ('50000000-0000-4000-8000-000000000001', 'Critical errors', 'system', null, 'critical'),
  ('50000000-0000-4000-8000-000000000002', 'Gift cards that were not provisioned', 'gift_card', 'provision_failed', 'error')
on conflict do nothing;
