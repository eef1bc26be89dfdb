CREATE DOMAIN http_method AS text;
CREATE TYPE http_header AS (field varchar, value varchar);
CREATE TYPE http_request AS (method http_method, uri varchar, headers http_header[], content_type varchar, content varchar);
CREATE TYPE http_response AS (status integer, content_type varchar, headers http_header[], content varchar);

CREATE FUNCTION http(request http_request) RETURNS http_response LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'http of the bed sends no request' USING ERRCODE = 'feature_not_supported';
END $$;
CREATE FUNCTION http_header(field varchar, value varchar) RETURNS http_header LANGUAGE sql AS $$ SELECT $1, $2 $$;
CREATE FUNCTION http_get(uri varchar) RETURNS http_response LANGUAGE sql
  AS $$ SELECT http(ROW('GET', $1, NULL, NULL, NULL)::http_request) $$;
CREATE FUNCTION http_head(uri varchar) RETURNS http_response LANGUAGE sql
  AS $$ SELECT http(ROW('HEAD', $1, NULL, NULL, NULL)::http_request) $$;
CREATE FUNCTION http_delete(uri varchar) RETURNS http_response LANGUAGE sql
  AS $$ SELECT http(ROW('DELETE', $1, NULL, NULL, NULL)::http_request) $$;
CREATE FUNCTION http_post(uri varchar, content varchar, content_type varchar) RETURNS http_response LANGUAGE sql
  AS $$ SELECT http(ROW('POST', $1, NULL, $3, $2)::http_request) $$;
CREATE FUNCTION http_put(uri varchar, content varchar, content_type varchar) RETURNS http_response LANGUAGE sql
  AS $$ SELECT http(ROW('PUT', $1, NULL, $3, $2)::http_request) $$;
CREATE FUNCTION http_patch(uri varchar, content varchar, content_type varchar) RETURNS http_response LANGUAGE sql
  AS $$ SELECT http(ROW('PATCH', $1, NULL, $3, $2)::http_request) $$;
CREATE FUNCTION http_set_curlopt(curlopt varchar, value varchar) RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
CREATE FUNCTION http_reset_curlopt() RETURNS boolean LANGUAGE sql AS $$ SELECT true $$;
