-- Gift cards, and what was paid with them.

create table public.gift_cards (
  id             uuid primary key default gen_random_uuid(),
  pool_id        uuid not null references public.gift_card_pools (id),
  code           text not null unique,
  pin            text,
  balance_cents  integer not null check (balance_cents >= 0),
  expires_at     timestamptz not null,
  -- A card belongs to at most one recipient, and a recipient gets at most one card.
  recipient_id   uuid unique references public.recipients (id),
  claimed_at     timestamptz,
  check ((recipient_id is null) = (claimed_at is null))
);
create index gift_cards_available on public.gift_cards (pool_id, expires_at) where recipient_id is null;
create index gift_cards_pool_id on public.gift_cards (pool_id, claimed_at);
alter table public.gift_cards enable row level security;

create table public.gift_card_redemptions (
  card_id       uuid not null references public.gift_cards (id),
  reference     text not null,
  amount_cents  integer not null check (amount_cents > 0),
  redeemed_at   timestamptz not null default now(),
  primary key (card_id, reference)
);
alter table public.gift_card_redemptions enable row level security;
