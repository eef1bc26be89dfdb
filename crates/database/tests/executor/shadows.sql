CREATE SEQUENCE public.noted;
GRANT ALL ON public.noted TO PUBLIC;
CREATE FUNCTION public.note() RETURNS pg_catalog.bool LANGUAGE plpgsql AS
  $f$ BEGIN PERFORM pg_catalog.nextval('public.noted'); RETURN true; END $f$;
CREATE TABLE public.shadowed (what pg_catalog.text);
CREATE TABLE public.skipped (what pg_catalog.text, name pg_catalog.text, why pg_catalog.text);
DO $do$
DECLARE made record; parameters pg_catalog.text; returned pg_catalog.text;
BEGIN
  FOR made IN SELECT o.oprname AS name, o.oprleft AS l, o.oprright AS r, o.oprresult AS result FROM pg_operator o
      WHERE o.oprnamespace = 'pg_catalog'::regnamespace LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION public.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', 'of ' || made.name,
        concat_ws(', ', nullif(made.l, 0)::regtype, made.r::regtype), made.result::regtype,
        'BEGIN PERFORM public.note(); RETURN NULL; END');
      EXECUTE format('CREATE OPERATOR public.%s (FUNCTION = public.%I, %s RIGHTARG = %s)', made.name, 'of ' || made.name,
        'LEFTARG = ' || nullif(made.l, 0)::regtype || ',', made.r::regtype);
      INSERT INTO public.shadowed VALUES ('operator');
    EXCEPTION WHEN OTHERS THEN INSERT INTO public.skipped VALUES ('operator', made.name, SQLSTATE);
    END;
  END LOOP;
  FOR made IN SELECT p.proname AS name, pg_get_function_identity_arguments(p.oid) AS arguments, p.proretset AS many,
        p.prorettype AS result, p.proargmodes AS modes FROM pg_proc p
      WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION public.%I(%s) %s LANGUAGE plpgsql AS %L', made.name, made.arguments,
        CASE WHEN made.modes IS NULL THEN 'RETURNS ' || CASE WHEN made.many THEN 'SETOF ' ELSE '' END || made.result::regtype ELSE '' END,
        'BEGIN PERFORM public.note(); RETURN; END');
      INSERT INTO public.shadowed VALUES ('function');
    EXCEPTION WHEN OTHERS THEN
      BEGIN
        EXECUTE format('CREATE FUNCTION public.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', made.name, made.arguments,
          made.result::regtype, 'BEGIN PERFORM public.note(); RETURN NULL; END');
        INSERT INTO public.shadowed VALUES ('function');
      EXCEPTION WHEN OTHERS THEN INSERT INTO public.skipped VALUES ('function', made.name, SQLSTATE);
      END;
    END;
  END LOOP;
  -- Before an aggregate's argument of any type: one of each that our statements have.
  FOR made IN SELECT DISTINCT p.oid, p.proname AS name, p.pronargs AS number, p.proaggkind AS kind,
        replace(replace(replace(pg_get_function_identity_arguments(p.oid), 'VARIADIC ', ''), '"any"', t.name),
          'anyelement', t.name) AS arguments
      FROM (SELECT p.*, a.aggkind AS proaggkind FROM pg_proc p JOIN pg_aggregate a ON a.aggfnoid = p.oid) p,
        unnest('{text,int4,int8,bool,name,oid,regclass}'::text[]) t(name)
      WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proaggkind = 'n' LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION public.%I(%s) RETURNS pg_catalog.int8 LANGUAGE plpgsql AS %L',
        'of aggregate ' || made.oid || made.arguments, concat_ws(', ', 'pg_catalog.int8', nullif(made.arguments, '')),
        'BEGIN PERFORM public.note(); RETURN 0; END');
      EXECUTE format('CREATE AGGREGATE public.%I(%s) (SFUNC = public.%I, STYPE = pg_catalog.int8, INITCOND = %L)', made.name,
        CASE made.number WHEN 0 THEN '*' ELSE made.arguments END, 'of aggregate ' || made.oid || made.arguments, '0');
      INSERT INTO public.shadowed VALUES ('aggregate');
    EXCEPTION WHEN OTHERS THEN INSERT INTO public.skipped VALUES ('aggregate', made.name || ' ' || made.arguments, SQLSTATE);
    END;
  END LOOP;
  FOR made IN SELECT p.proname AS name, replace(replace(replace(pg_get_function_identity_arguments(p.oid), 'anyelement', 'text'),
          'anycompatible', 'text'), '"any"', 'text') AS arguments
      FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'w' LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION public.%I(%s) RETURNS pg_catalog.int8 WINDOW LANGUAGE plpgsql AS %L', made.name,
        made.arguments, 'BEGIN PERFORM public.note(); RETURN 0; END');
      INSERT INTO public.shadowed VALUES ('window function');
    EXCEPTION WHEN OTHERS THEN INSERT INTO public.skipped VALUES ('window function', made.name, SQLSTATE);
    END;
  END LOOP;
  CREATE TYPE public.own AS ENUM ('a');
  FOR made IN SELECT DISTINCT c.casttarget::regtype AS name FROM pg_cast c JOIN pg_type t ON t.oid = c.casttarget
      WHERE t.typnamespace = 'pg_catalog'::regnamespace LOOP
    BEGIN
      EXECUTE format('CREATE FUNCTION public.%I(public.own) RETURNS %s LANGUAGE plpgsql AS %L', 'as ' || made.name, made.name,
        'BEGIN PERFORM public.note(); RETURN NULL; END');
      EXECUTE format('CREATE CAST (public.own AS %s) WITH FUNCTION public.%I(public.own) AS IMPLICIT', made.name,
        'as ' || made.name);
      INSERT INTO public.shadowed VALUES ('cast');
    EXCEPTION WHEN OTHERS THEN INSERT INTO public.skipped VALUES ('cast', made.name, SQLSTATE);
    END;
  END LOOP;
  CREATE TABLE public.owned (a public.own DEFAULT 'a' CHECK (a IS NOT NULL));
  INSERT INTO public.owned DEFAULT VALUES;
  FOR made IN SELECT t.typname AS name FROM pg_type t
      WHERE t.typnamespace = 'pg_catalog'::regnamespace AND t.typtype = 'b' AND t.typelem = 0 LOOP
    BEGIN
      EXECUTE format('CREATE DOMAIN public.%I AS pg_catalog.%I CHECK (public.note())', made.name, made.name);
      INSERT INTO public.shadowed VALUES ('type');
    EXCEPTION WHEN OTHERS THEN INSERT INTO public.skipped VALUES ('type', made.name, SQLSTATE);
    END;
  END LOOP;
END $do$;
