-- No merchant ever asked for a PIN, and what is not kept can't leak. A column that is gone is gone: `DataLoss` waits for an
-- approval.

alter table public.gift_cards drop column pin;
