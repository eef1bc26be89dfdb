WITH given AS (
    SELECT r.id, r.rule_id, r.organization_id, r.client_id, r.title, r.message, r.severity, r.triggered_at, r.metadata
    FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS r (
        id uuid, rule_id uuid, organization_id uuid, client_id uuid, title text, message text, severity text,
        triggered_at timestamptz, metadata jsonb
    )
), added AS (
    INSERT INTO public.alert_instances
        (id, rule_id, organization_id, client_id, title, message, severity, triggered_at, metadata)
    SELECT id, rule_id, organization_id, client_id, title, message, severity, triggered_at, metadata FROM given
    ON CONFLICT (id) DO NOTHING
), changed AS (
    -- Graver than before, or resolved by us although it fires. What people resolved stays so.
    UPDATE public.alert_instances i
    SET title = g.title, message = g.message, severity = g.severity, metadata = g.metadata,
        resolved_at = NULL, resolution_notes = NULL
    FROM given g
    WHERE i.id = g.id AND i.metadata ->> 'managed_by' = 'ace-ops' AND (i.resolved_at IS NULL OR i.metadata ? 'resolved_by')
      AND (i.metadata ->> 'severity', i.metadata ->> 'channel', i.metadata ->> 'group', i.metadata ? 'resolved_by')
        IS DISTINCT FROM (g.metadata ->> 'severity', $3, $4, false)
), over AS (
    UPDATE public.alert_instances i
    SET resolved_at = pg_catalog.now(), resolution_notes = 'it does not fire any more',
        metadata = i.metadata || '{"resolved_by": "ace-ops"}'
    WHERE i.resolved_at IS NULL AND i.metadata ->> 'managed_by' = 'ace-ops'
      AND i.metadata ->> 'channel' = $3 AND i.metadata ->> 'group' = $4 AND NOT i.id = ANY ($2::uuid[])
)
SELECT FROM given LIMIT 0
