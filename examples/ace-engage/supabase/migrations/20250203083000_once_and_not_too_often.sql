-- What keeps the functions honest: a webhook that comes twice counts once, and guessing is slow.

create table public.webhook_events (
  provider     text not null,
  event_id     text not null,
  received_at  timestamptz not null default now(),
  primary key (provider, event_id)
);
alter table public.webhook_events enable row level security;

create table public.rate_limits (
  bucket        text primary key,
  window_start  timestamptz not null,
  hits          integer not null
);
alter table public.rate_limits enable row level security;
