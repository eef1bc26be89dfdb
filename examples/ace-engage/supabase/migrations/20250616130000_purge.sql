-- Events and counters are of no use after a while. The books about that are in a schema which the REST API does not serve,
-- and nobody but the owner may use: a table without row security is safe there. The operator can't know that, so it is an
-- `Exposure`, which waits for an approval.

create schema internal;

create table internal.purges (
  id         bigint generated always as identity primary key,
  purged_at  timestamptz not null default now(),
  events     bigint not null,
  counters   bigint not null
);

-- For a nightly job. What is in a function is only stored when it is created, so this is no `DataLoss`.
create function internal.purge(older_than interval default '90 days') returns void
language sql
set search_path = ''
as $$
  with events as (
    delete from public.webhook_events where received_at < now() - older_than returning 1
  ), counters as (
    delete from public.rate_limits where window_start < now() - older_than returning 1
  )
  insert into internal.purges (events, counters)
  select (select count(*) from events), (select count(*) from counters);
$$;
revoke execute on function internal.purge from public;
