-- Replies and calls are told apart by their number. Both constraints read the whole table, and the first keeps everybody
-- out meanwhile: where the table is large, that is a `LongLock`.

alter table public.recipients
  add constraint recipients_phone_check check (phone ~ '^\+[1-9][0-9]{7,14}$');
alter table public.recipients
  add constraint recipients_campaign_id_phone_key unique (campaign_id, phone);
