SELECT CASE
    WHEN pg_catalog.to_regclass('public.alert_instances') IS NULL THEN 'there is no such table'
    WHEN a.attname IS NULL THEN 'it has no column "' || w.name || '" of type ' || w.type
    ELSE 'its column "' || w.name || '" is of type ' || pg_catalog.format_type(a.atttypid, NULL) || ' and not ' || w.type
  END
FROM (VALUES
    (1, 'id', 'uuid'), (2, 'rule_id', 'uuid'), (3, 'organization_id', 'uuid'), (4, 'client_id', 'uuid'), (5, 'title', 'text'),
    (6, 'message', 'text'), (7, 'severity', 'text'), (8, 'triggered_at', 'timestamp with time zone'),
    (9, 'acknowledged_at', 'timestamp with time zone'), (10, 'acknowledged_by', 'uuid'),
    (11, 'resolved_at', 'timestamp with time zone'), (12, 'resolved_by', 'uuid'), (13, 'resolution_notes', 'text'),
    (14, 'metadata', 'jsonb')
  ) AS w (place, name, type)
  LEFT JOIN pg_catalog.pg_attribute a
    ON a.attrelid = pg_catalog.to_regclass('public.alert_instances') AND a.attname = w.name AND NOT a.attisdropped
WHERE (a.attname IS NULL OR pg_catalog.format_type(a.atttypid, NULL) <> w.type)
  AND (w.place = 1 OR pg_catalog.to_regclass('public.alert_instances') IS NOT NULL)
UNION ALL
SELECT 'its column "id" is not unique'
WHERE pg_catalog.to_regclass('public.alert_instances') IS NOT NULL
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_index x
      JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0]
    WHERE x.indrelid = pg_catalog.to_regclass('public.alert_instances') AND x.indisunique AND x.indisvalid AND x.indimmediate
      AND x.indnkeyatts = 1 AND x.indpred IS NULL AND a.attname = 'id'
  )
