-- Twilio also says `canceled`. A new value can't be used in the transaction that adds it, so nothing here does.

alter type public.call_status add value 'canceled' after 'in-progress';
