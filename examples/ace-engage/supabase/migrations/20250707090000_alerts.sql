-- What happens on the platform, the rules that staff set about that, and the alerts that its page shows. Nothing in the
-- database evaluates a rule: the AlertRule `platform-alert-rules` asks for what they count, and the NotificationChannel
-- `platform-page` writes the alerts.

create table public.activity_log (
  id               uuid primary key default gen_random_uuid(),
  category         text not null check (category in ('gift_card', 'campaign', 'communication', 'api', 'user', 'system', 'billing')),
  event_type       text not null,
  status           text not null check (status in ('success', 'failed', 'pending', 'cancelled')),
  severity         text not null default 'info' check (severity in ('info', 'warning', 'error', 'critical')),
  organization_id  uuid,
  client_id        uuid,
  description      text not null,
  created_at       timestamptz not null default now()
);
create index activity_log_category_created_at on public.activity_log (category, created_at);
alter table public.activity_log enable row level security;

create table public.alert_rules (
  id                   uuid primary key default gen_random_uuid(),
  organization_id      uuid,
  client_id            uuid,
  name                 text not null,
  enabled              boolean not null default true,
  category             text not null check (category in ('gift_card', 'campaign', 'communication', 'api', 'user', 'system', 'billing')),
  event_type           text,
  severity_threshold   text check (severity_threshold in ('info', 'warning', 'error', 'critical')),
  count_threshold      integer check (count_threshold >= 0),
  time_window_minutes  integer not null default 60 check (time_window_minutes > 0),
  created_at           timestamptz not null default now(),
  check (severity_threshold is not null or count_threshold is not null)
);
alter table public.alert_rules enable row level security;

create table public.alert_instances (
  id                uuid primary key default gen_random_uuid(),
  rule_id           uuid references public.alert_rules (id) on delete set null,
  organization_id   uuid,
  client_id         uuid,
  title             text not null,
  message           text not null,
  severity          text not null check (severity in ('info', 'warning', 'critical')),
  triggered_at      timestamptz not null default now(),
  acknowledged_at   timestamptz,
  acknowledged_by   uuid references auth.users (id) on delete set null,
  resolved_at       timestamptz,
  resolved_by       uuid references auth.users (id) on delete set null,
  resolution_notes  text,
  metadata          jsonb not null default '{}',
  created_at        timestamptz not null default now()
);
create index alert_instances_rule_id on public.alert_instances (rule_id);
create index alert_instances_open on public.alert_instances (triggered_at) where resolved_at is null;
alter table public.alert_instances enable row level security;

create policy "staff read" on public.activity_log for select to authenticated
  using ((select auth.jwt() -> 'app_metadata' ->> 'staff') = 'true');
create policy "staff read" on public.alert_rules for select to authenticated
  using ((select auth.jwt() -> 'app_metadata' ->> 'staff') = 'true');
create policy "staff read" on public.alert_instances for select to authenticated
  using ((select auth.jwt() -> 'app_metadata' ->> 'staff') = 'true');
-- Who takes care, and what came of it.
create policy "staff acknowledge and resolve" on public.alert_instances for update to authenticated
  using ((select auth.jwt() -> 'app_metadata' ->> 'staff') = 'true')
  with check ((select auth.jwt() -> 'app_metadata' ->> 'staff') = 'true');
grant select on public.activity_log, public.alert_rules, public.alert_instances to authenticated;
grant update (acknowledged_at, acknowledged_by, resolved_at, resolved_by, resolution_notes)
  on public.alert_instances to authenticated;

-- What the page asks for every minute, with the rights of whoever looks at it.
create function public.get_active_alerts() returns setof public.alert_instances
language sql stable
set search_path = ''
as $$
  select * from public.alert_instances
  where resolved_at is null
  order by array_position(array['critical', 'warning', 'info'], severity), triggered_at desc
  limit 50;
$$;
revoke execute on function public.get_active_alerts from public, anon;
grant execute on function public.get_active_alerts to authenticated;
