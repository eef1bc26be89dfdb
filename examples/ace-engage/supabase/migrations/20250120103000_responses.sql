-- What recipients do: forms, text messages, calls.

create table public.leads (
  recipient_id  uuid primary key references public.recipients (id) on delete cascade,
  full_name     text not null,
  email         text not null,
  phone         text,
  consent_at    timestamptz not null
);
alter table public.leads enable row level security;

create table public.opt_ins (
  recipient_id  uuid primary key references public.recipients (id) on delete cascade,
  status        text not null check (status in ('pending', 'opted_in', 'opted_out')),
  updated_at    timestamptz not null default now()
);
alter table public.opt_ins enable row level security;

-- Proof of consent has to outlive its withdrawal: rows are only ever added.
create table public.opt_in_events (
  id            bigint generated always as identity primary key,
  recipient_id  uuid not null references public.recipients (id) on delete cascade,
  status        text not null,
  source        text not null,
  occurred_at   timestamptz not null default now()
);
create index opt_in_events_recipient_id on public.opt_in_events (recipient_id);
alter table public.opt_in_events enable row level security;

-- An outbox: a sender of your choice takes what is `queued`.
create table public.sms_messages (
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
alter table public.sms_messages enable row level security;

-- In the order in which a call goes through them: late callbacks never move a call back.
create type public.call_status as enum
  ('queued', 'initiated', 'ringing', 'in-progress', 'no-answer', 'busy', 'failed', 'completed');

create table public.calls (
  call_sid          text primary key,
  campaign_id       uuid not null references public.campaigns (id) on delete cascade,
  recipient_id      uuid references public.recipients (id) on delete set null,
  from_number       text not null,
  status            public.call_status not null,
  duration_seconds  integer not null default 0,
  created_at        timestamptz not null default now()
);
create index calls_campaign_id on public.calls (campaign_id);
alter table public.calls enable row level security;
