-- Campaigns and the people in them.
--
-- Row security is on from the first moment: until there are policies, nobody comes in through the project's REST API. The
-- functions connect as `postgres`, the tables' owner, and are not bound by it.

create table public.gift_card_pools (
  id                   uuid primary key default gen_random_uuid(),
  brand                text not null,
  denomination_cents   integer not null check (denomination_cents > 0),
  currency             text not null default 'USD' check (currency ~ '^[A-Z]{3}$'),
  low_threshold        integer not null default 50 check (low_threshold >= 0),
  critical_threshold   integer not null default 10 check (critical_threshold >= 0),
  unique (brand, denomination_cents, currency)
);
alter table public.gift_card_pools enable row level security;

create table public.campaigns (
  id              uuid primary key default gen_random_uuid(),
  slug            text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name            text not null,
  status          text not null default 'draft' check (status in ('draft', 'active', 'paused', 'completed')),
  tracked_number  text unique check (tracked_number ~ '^\+[1-9][0-9]{7,14}$'),
  pool_id         uuid references public.gift_card_pools (id),
  created_at      timestamptz not null default now()
);
create index campaigns_pool_id on public.campaigns (pool_id);
alter table public.campaigns enable row level security;

-- What a recipient has to do before a gift card is due; `threshold` counts whatever the kind counts.
create table public.campaign_conditions (
  campaign_id  uuid not null references public.campaigns (id) on delete cascade,
  kind         text not null check (kind in ('purl_visited', 'lead_submitted', 'sms_opted_in', 'call_seconds')),
  label        text not null,
  threshold    integer not null default 1 check (threshold > 0),
  primary key (campaign_id, kind)
);
alter table public.campaign_conditions enable row level security;

create table public.recipients (
  id               uuid primary key default gen_random_uuid(),
  campaign_id      uuid not null references public.campaigns (id) on delete cascade,
  first_name       text not null,
  last_name        text not null,
  email            text,
  phone            text,
  unsubscribed_at  timestamptz
);
create index recipients_phone on public.recipients (phone);
alter table public.recipients enable row level security;

create table public.purls (
  code          text primary key check (code ~ '^[A-Z0-9-]{3,40}$'),
  recipient_id  uuid not null unique references public.recipients (id) on delete cascade
);
alter table public.purls enable row level security;

create table public.purl_visits (
  id          bigint generated always as identity primary key,
  code        text not null references public.purls (code) on delete cascade,
  visited_at  timestamptz not null default now()
);
create index purl_visits_code on public.purl_visits (code);
alter table public.purl_visits enable row level security;
