-- pg_cron as migrations see it. The real one works in one database of a server only, and the bed
-- has a database for each project.
CREATE SCHEMA cron;

CREATE SEQUENCE cron.jobid_seq;
CREATE TABLE cron.job (
  jobid bigint PRIMARY KEY DEFAULT nextval('cron.jobid_seq'),
  schedule text NOT NULL,
  command text NOT NULL,
  nodename text NOT NULL DEFAULT 'localhost',
  nodeport integer NOT NULL DEFAULT current_setting('port')::integer,
  database text NOT NULL DEFAULT current_database(),
  username text NOT NULL DEFAULT current_user,
  active boolean NOT NULL DEFAULT true,
  jobname text,
  CONSTRAINT jobname_username_uniq UNIQUE (jobname, username)
);
CREATE SEQUENCE cron.runid_seq;
CREATE TABLE cron.job_run_details (
  jobid bigint,
  runid bigint PRIMARY KEY DEFAULT nextval('cron.runid_seq'),
  job_pid integer,
  database text,
  username text,
  command text,
  status text,
  return_message text,
  start_time timestamptz,
  end_time timestamptz
);
ALTER TABLE cron.job ENABLE ROW LEVEL SECURITY;
ALTER TABLE cron.job_run_details ENABLE ROW LEVEL SECURITY;
CREATE POLICY cron_job_policy ON cron.job USING (username = current_user);
CREATE POLICY cron_job_run_details_policy ON cron.job_run_details USING (username = current_user);

CREATE FUNCTION cron.check_schedule(schedule text) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF schedule !~ '^\s*(@(reboot|yearly|annually|monthly|weekly|daily|midnight|hourly)|[1-5]?[0-9] seconds?)\s*$'
    AND schedule !~ '^\s*([-0-9*/,a-zA-Z$]+\s+){4}[-0-9*/,a-zA-Z]+\s*$' THEN
    RAISE EXCEPTION 'invalid schedule: %', schedule
      USING ERRCODE = 'invalid_parameter_value',
        HINT = 'Use cron format (e.g. 5 4 * * *), or interval format ''[1-59] seconds''';
  END IF;
END $$;

-- Writes a job of the caller, who may not write to the table.
CREATE FUNCTION cron.record_job(job_name text, schedule text, command text, database text, username text, active boolean)
  RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  recorded bigint;
BEGIN
  IF NOT pg_has_role(session_user, username, 'MEMBER') THEN
    RAISE EXCEPTION 'must be member of role %', username USING ERRCODE = 'insufficient_privilege';
  END IF;
  INSERT INTO cron.job AS job (jobname, schedule, command, database, username, active)
    VALUES (job_name, $2, $3, $4, $5, $6)
    ON CONFLICT ON CONSTRAINT jobname_username_uniq DO UPDATE
      SET schedule = excluded.schedule, command = excluded.command, database = excluded.database, active = excluded.active
    RETURNING jobid INTO recorded;
  RETURN recorded;
END $$;

CREATE FUNCTION cron.schedule_in_database(
  job_name text, schedule text, command text, database text, username text DEFAULT NULL, active boolean DEFAULT true
) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  PERFORM cron.check_schedule($2);
  RETURN cron.record_job($1, $2, $3, $4, coalesce($5, current_user), $6);
END $$;
CREATE FUNCTION cron.schedule(job_name text, schedule text, command text) RETURNS bigint LANGUAGE sql
  AS $$ SELECT cron.schedule_in_database($1, $2, $3, current_database()) $$;
CREATE FUNCTION cron.schedule(schedule text, command text) RETURNS bigint LANGUAGE sql
  AS $$ SELECT cron.schedule_in_database(NULL, $1, $2, current_database()) $$;

CREATE FUNCTION cron.forget_job(wanted bigint, username text) RETURNS boolean
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  DELETE FROM cron.job WHERE jobid = wanted AND job.username = $2 AND pg_has_role(session_user, $2, 'MEMBER');
  RETURN FOUND;
END $$;
CREATE FUNCTION cron.unschedule(job_id bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF NOT cron.forget_job(job_id, current_user) THEN
    RAISE EXCEPTION 'could not find valid entry for job ''%''', job_id;
  END IF;
  RETURN true;
END $$;
CREATE FUNCTION cron.unschedule(job_name text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF NOT coalesce(cron.forget_job(
      (SELECT jobid FROM cron.job WHERE jobname = job_name AND username = current_user), current_user), false) THEN
    RAISE EXCEPTION 'could not find valid entry for job ''%''', job_name;
  END IF;
  RETURN true;
END $$;

CREATE FUNCTION cron.change_job(wanted bigint, schedule text, command text, database text, username text, active boolean)
  RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  UPDATE cron.job SET schedule = coalesce($2, job.schedule), command = coalesce($3, job.command),
      database = coalesce($4, job.database), active = coalesce($6, job.active)
    WHERE jobid = $1 AND job.username = $5 AND pg_has_role(session_user, $5, 'MEMBER');
  RETURN FOUND;
END $$;
CREATE FUNCTION cron.alter_job(
  job_id bigint, schedule text DEFAULT NULL, command text DEFAULT NULL, database text DEFAULT NULL,
  username text DEFAULT NULL, active boolean DEFAULT NULL
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF schedule IS NOT NULL THEN
    PERFORM cron.check_schedule(schedule);
  END IF;
  IF NOT cron.change_job($1, $2, $3, $4, coalesce($5, current_user), $6) THEN
    RAISE EXCEPTION 'Job % does not exist or you don''t own it', job_id;
  END IF;
END $$;

-- As the platform gives them: the table of jobs is not written to.
GRANT USAGE ON SCHEMA cron TO postgres WITH GRANT OPTION;
GRANT ALL ON ALL TABLES IN SCHEMA cron TO postgres WITH GRANT OPTION;
REVOKE ALL ON cron.job FROM postgres;
GRANT SELECT ON cron.job TO postgres WITH GRANT OPTION;
