-- The type is stored as its text, with a number of dimensions that is kept and not checked.
CREATE TYPE vector;
CREATE FUNCTION vector_in(cstring, oid, integer) RETURNS vector LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION vector_out(vector) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE FUNCTION vector_typmod_in(cstring[]) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS 'varchartypmodin';
CREATE FUNCTION vector_typmod_out(integer) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'varchartypmodout';
CREATE TYPE vector (
  INPUT = vector_in, OUTPUT = vector_out, TYPMOD_IN = vector_typmod_in, TYPMOD_OUT = vector_typmod_out,
  STORAGE = extended
);
CREATE CAST (vector AS text) WITHOUT FUNCTION;
CREATE CAST (text AS vector) WITHOUT FUNCTION;

CREATE FUNCTION numbers(vector) RETURNS double precision[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT translate($1::text, '[]', '{}')::double precision[] $$;
CREATE FUNCTION array_to_vector(double precision[]) RETURNS vector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT translate($1::text, '{}', '[]')::vector $$;
CREATE FUNCTION array_to_vector(real[]) RETURNS vector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT translate($1::text, '{}', '[]')::vector $$;
CREATE CAST (double precision[] AS vector) WITH FUNCTION array_to_vector(double precision[]) AS ASSIGNMENT;
CREATE CAST (real[] AS vector) WITH FUNCTION array_to_vector(real[]) AS ASSIGNMENT;

DO $functions$
DECLARE
  each text;
  pairs text := '(SELECT a, b FROM unnest(@extschema@.numbers($1), @extschema@.numbers($2)) AS pair(a, b)) AS pairs';
BEGIN
  FOREACH each IN ARRAY ARRAY[
    'l2_distance(vector, vector) RETURNS double precision/SELECT sqrt(sum((a - b) ^ 2)) FROM ' || pairs,
    'l1_distance(vector, vector) RETURNS double precision/SELECT sum(abs(a - b)) FROM ' || pairs,
    'inner_product(vector, vector) RETURNS double precision/SELECT sum(a * b) FROM ' || pairs,
    'vector_negative_inner_product(vector, vector) RETURNS double precision/SELECT -sum(a * b) FROM ' || pairs,
    'cosine_distance(vector, vector) RETURNS double precision/SELECT 1 - sum(a * b) / sqrt(sum(a ^ 2) * sum(b ^ 2)) FROM ' || pairs,
    'vector_dims(vector) RETURNS integer/SELECT cardinality(@extschema@.numbers($1))',
    'vector_norm(vector) RETURNS double precision/SELECT sqrt(sum(a ^ 2)) FROM unnest(@extschema@.numbers($1)) AS a',
    'vector_cmp(vector, vector) RETURNS integer/SELECT btarraycmp(@extschema@.numbers($1), @extschema@.numbers($2))',
    'vector_lt(vector, vector) RETURNS boolean/SELECT @extschema@.numbers($1) < @extschema@.numbers($2)',
    'vector_le(vector, vector) RETURNS boolean/SELECT @extschema@.numbers($1) <= @extschema@.numbers($2)',
    'vector_eq(vector, vector) RETURNS boolean/SELECT @extschema@.numbers($1) = @extschema@.numbers($2)',
    'vector_ge(vector, vector) RETURNS boolean/SELECT @extschema@.numbers($1) >= @extschema@.numbers($2)',
    'vector_gt(vector, vector) RETURNS boolean/SELECT @extschema@.numbers($1) > @extschema@.numbers($2)'
  ] LOOP
    EXECUTE format('CREATE FUNCTION %s LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS %L',
      split_part(each, '/', 1), substr(each, strpos(each, '/') + 1));
  END LOOP;
END
$functions$;
CREATE OPERATOR <-> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = l2_distance, COMMUTATOR = '<->');
CREATE OPERATOR <#> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_negative_inner_product, COMMUTATOR = '<#>');
CREATE OPERATOR <=> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = cosine_distance, COMMUTATOR = '<=>');
CREATE OPERATOR <+> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = l1_distance, COMMUTATOR = '<+>');
CREATE OPERATOR < (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_lt, COMMUTATOR = >);
CREATE OPERATOR <= (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_le, COMMUTATOR = >=);
CREATE OPERATOR = (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_eq, COMMUTATOR = =);
CREATE OPERATOR >= (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_ge, COMMUTATOR = <=);
CREATE OPERATOR > (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_gt, COMMUTATOR = <);

-- Indexes are block ranges by another name: they can be made, without parameters of their own.
CREATE ACCESS METHOD hnsw TYPE INDEX HANDLER brinhandler;
CREATE ACCESS METHOD ivfflat TYPE INDEX HANDLER brinhandler;
DO $classes$
DECLARE
  method text;
  name text;
BEGIN
  CREATE OPERATOR CLASS vector_ops DEFAULT FOR TYPE vector USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 vector_cmp(vector, vector);
  FOREACH method IN ARRAY ARRAY['hnsw', 'ivfflat'] LOOP
    FOREACH name IN ARRAY ARRAY['vector_l2_ops', 'vector_ip_ops', 'vector_cosine_ops', 'vector_l1_ops'] LOOP
      CONTINUE WHEN method = 'ivfflat' AND name = 'vector_l1_ops';
      EXECUTE format('CREATE OPERATOR CLASS %I %s FOR TYPE vector USING %I AS
        OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
        FUNCTION 1 (vector, vector) brin_minmax_opcinfo(internal),
        FUNCTION 2 (vector, vector) brin_minmax_add_value(internal, internal, internal, internal),
        FUNCTION 3 (vector, vector) brin_minmax_consistent(internal, internal, internal),
        FUNCTION 4 (vector, vector) brin_minmax_union(internal, internal, internal)', name,
        CASE WHEN method = 'ivfflat' AND name = 'vector_l2_ops' THEN 'DEFAULT' END, method);
    END LOOP;
  END LOOP;
END
$classes$;
