-- Staff may read what a campaign does, nobody reads card codes, and anonymous callers see nothing at all.
--
-- This DO block runs text that it puts together itself, so nobody can read off the file what it does: `Opaque`, which waits
-- for an approval.

do $$
declare
  name text;
begin
  foreach name in array array[
    'campaigns', 'campaign_conditions', 'recipients', 'purls', 'purl_visits', 'leads', 'opt_ins',
    'opt_in_events', 'sms_messages', 'calls', 'gift_card_pools'
  ] loop
    execute format(
      'create policy "staff read" on public.%I for select to authenticated '
      'using ((select auth.jwt() -> ''app_metadata'' ->> ''staff'') = ''true'')', name);
  end loop;

  foreach name in array array['gift_cards', 'gift_card_redemptions', 'webhook_events', 'rate_limits'] loop
    execute format('create policy "service only" on public.%I to service_role using (true) with check (true)', name);
  end loop;
end
$$;
