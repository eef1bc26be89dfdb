-- Recipients may correct their details: when they did so last. Rows from before get the time of their consent, which is a
-- `DataChange`: reported, and run without an approval.

alter table public.leads add column updated_at timestamptz;
update public.leads set updated_at = consent_at;
alter table public.leads
  alter column updated_at set default now(),
  alter column updated_at set not null;
