-- Tables of the ACE Engage example, and a few rows to play with.
--
-- Run it as role `postgres`, in one transaction; it may be run again and then changes nothing:
--   psql "$DATABASE_URL" --single-transaction -v ON_ERROR_STOP=1 -f schema.sql
--
-- The functions connect as `postgres` and are not bound by the policies. These are for
-- everybody who comes through the project's REST API: staff may read what a campaign
-- does, nobody reads card codes, and anonymous callers see nothing at all.

-- 1. Campaigns and the people in them -------------------------------------------------

create table if not exists public.gift_card_pools (
  id                   uuid primary key default gen_random_uuid(),
  brand                text not null,
  denomination_cents   integer not null check (denomination_cents > 0),
  currency             text not null default 'USD' check (currency ~ '^[A-Z]{3}$'),
  low_threshold        integer not null default 50 check (low_threshold >= 0),
  critical_threshold   integer not null default 10 check (critical_threshold >= 0),
  unique (brand, denomination_cents, currency)
);

create table if not exists public.campaigns (
  id              uuid primary key default gen_random_uuid(),
  slug            text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name            text not null,
  status          text not null default 'draft' check (status in ('draft', 'active', 'paused', 'completed')),
  tracked_number  text unique check (tracked_number ~ '^\+[1-9][0-9]{7,14}$'),
  pool_id         uuid references public.gift_card_pools (id),
  created_at      timestamptz not null default now()
);
create index if not exists campaigns_pool_id on public.campaigns (pool_id);

-- What a recipient has to do before a gift card is due; `threshold` counts whatever the kind counts.
create table if not exists public.campaign_conditions (
  campaign_id  uuid not null references public.campaigns (id) on delete cascade,
  kind         text not null check (kind in ('purl_visited', 'lead_submitted', 'sms_opted_in', 'call_seconds')),
  label        text not null,
  threshold    integer not null default 1 check (threshold > 0),
  primary key (campaign_id, kind)
);

create table if not exists public.recipients (
  id               uuid primary key default gen_random_uuid(),
  campaign_id      uuid not null references public.campaigns (id) on delete cascade,
  first_name       text not null,
  last_name        text not null,
  email            text,
  phone            text check (phone ~ '^\+[1-9][0-9]{7,14}$'),
  unsubscribed_at  timestamptz,
  unique (campaign_id, phone)
);
create index if not exists recipients_phone on public.recipients (phone);

-- 2. What happens to them ---------------------------------------------------------------

create table if not exists public.purls (
  code          text primary key check (code ~ '^[A-Z0-9-]{3,40}$'),
  recipient_id  uuid not null unique references public.recipients (id) on delete cascade
);

create table if not exists public.purl_visits (
  id          bigint generated always as identity primary key,
  code        text not null references public.purls (code) on delete cascade,
  visited_at  timestamptz not null default now()
);
create index if not exists purl_visits_code on public.purl_visits (code);

create table if not exists public.leads (
  recipient_id  uuid primary key references public.recipients (id) on delete cascade,
  full_name     text not null,
  email         text not null,
  phone         text,
  consent_at    timestamptz not null,
  updated_at    timestamptz not null default now()
);

create table if not exists public.opt_ins (
  recipient_id  uuid primary key references public.recipients (id) on delete cascade,
  status        text not null check (status in ('pending', 'opted_in', 'opted_out')),
  updated_at    timestamptz not null default now()
);

-- Proof of consent has to outlive its withdrawal: rows are only ever added.
create table if not exists public.opt_in_events (
  id            bigint generated always as identity primary key,
  recipient_id  uuid not null references public.recipients (id) on delete cascade,
  status        text not null,
  source        text not null,
  occurred_at   timestamptz not null default now()
);
create index if not exists opt_in_events_recipient_id on public.opt_in_events (recipient_id);

-- An outbox: a sender of your choice takes what is `queued`.
create table if not exists public.sms_messages (
  id            uuid primary key default gen_random_uuid(),
  recipient_id  uuid not null references public.recipients (id) on delete cascade,
  purpose       text not null,
  from_number   text not null,
  to_number     text not null,
  body          text not null,
  status        text not null default 'queued' check (status in ('queued', 'sent', 'delivered', 'failed')),
  created_at    timestamptz not null default now(),
  unique (recipient_id, purpose)
);

-- In the order in which a call goes through them: late callbacks never move a call back.
do $$
begin
  create type public.call_status as enum
    ('queued', 'initiated', 'ringing', 'in-progress', 'canceled', 'no-answer', 'busy', 'failed', 'completed');
exception when duplicate_object then null;
end
$$;

create table if not exists public.calls (
  call_sid          text primary key,
  campaign_id       uuid not null references public.campaigns (id) on delete cascade,
  recipient_id      uuid references public.recipients (id) on delete set null,
  from_number       text not null,
  status            public.call_status not null,
  duration_seconds  integer not null default 0,
  created_at        timestamptz not null default now()
);
create index if not exists calls_campaign_id on public.calls (campaign_id);
create index if not exists calls_recipient_id on public.calls (recipient_id);

-- 3. Gift cards ---------------------------------------------------------------------------

create table if not exists public.gift_cards (
  id             uuid primary key default gen_random_uuid(),
  pool_id        uuid not null references public.gift_card_pools (id),
  code           text not null unique,
  balance_cents  integer not null check (balance_cents >= 0),
  expires_at     timestamptz not null,
  -- A card belongs to at most one recipient, and a recipient gets at most one card.
  recipient_id   uuid unique references public.recipients (id),
  claimed_at     timestamptz,
  check ((recipient_id is null) = (claimed_at is null))
);
create index if not exists gift_cards_available on public.gift_cards (pool_id, expires_at) where recipient_id is null;
create index if not exists gift_cards_pool_id on public.gift_cards (pool_id, claimed_at);

create table if not exists public.gift_card_redemptions (
  card_id       uuid not null references public.gift_cards (id),
  reference     text not null,
  amount_cents  integer not null check (amount_cents > 0),
  redeemed_at   timestamptz not null default now(),
  primary key (card_id, reference)
);

-- 4. What keeps the functions honest --------------------------------------------------

create table if not exists public.webhook_events (
  provider     text not null,
  event_id     text not null,
  received_at  timestamptz not null default now(),
  primary key (provider, event_id)
);

create table if not exists public.rate_limits (
  bucket        text primary key,
  window_start  timestamptz not null,
  hits          integer not null
);

-- 5. Row level security -------------------------------------------------------------

do $$
declare
  name text;
begin
  foreach name in array array[
    'campaigns', 'campaign_conditions', 'recipients', 'purls', 'purl_visits', 'leads', 'opt_ins',
    'opt_in_events', 'sms_messages', 'calls', 'gift_card_pools'
  ] loop
    execute format('alter table public.%I enable row level security', name);
    execute format('drop policy if exists "staff read" on public.%I', name);
    execute format(
      'create policy "staff read" on public.%I for select to authenticated '
      'using ((select auth.jwt() -> ''app_metadata'' ->> ''staff'') = ''true'')', name);
  end loop;

  foreach name in array array['gift_cards', 'gift_card_redemptions', 'webhook_events', 'rate_limits'] loop
    execute format('alter table public.%I enable row level security', name);
    execute format('drop policy if exists "service only" on public.%I', name);
    execute format('create policy "service only" on public.%I to service_role using (true) with check (true)', name);
  end loop;
end
$$;

-- 6. Rows to play with: see the README for what they are good for ----------------------

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
