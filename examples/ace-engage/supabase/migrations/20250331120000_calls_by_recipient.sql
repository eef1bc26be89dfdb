-- Built while calls come in. CONCURRENTLY can't run in a transaction: a file of its own keeps everything else in one, and
-- an index with a name can be found again if the operator dies meanwhile.

create index concurrently calls_recipient_id on public.calls (recipient_id);
