-- As the operator of commit 450a704 wrote them. `$name` stands for what differs from run to run.
INSERT INTO supabase_migrations.schema_migrations SELECT ('(20260101000000,"{""CREATE TABLE public.notes (id bigint PRIMARY KEY, body text)"",""ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY""}",notes)'::supabase_migrations.schema_migrations).*;
INSERT INTO supabase_migrations.schema_migrations SELECT ('(20260102000000,"{""CREATE INDEX notes_body ON public.notes (body)""}",index)'::supabase_migrations.schema_migrations).*;
INSERT INTO ace_ops.state SELECT ('(t,1,f,f,15,1,{public},sha256:6a19b3406f856f29cf0e4f58a9add123ac53895b410ef063139a05b7119079e7,0c1d278c9ef890676a254ec65c2f9a0b)'::ace_ops.state).*;
INSERT INTO ace_ops.owner SELECT ('(t,$namespace,main)'::ace_ops.owner).*;
INSERT INTO ace_ops.migration SELECT ('(20260101000000,notes,sha256:7a721b865b8f4c43214943165e58f9f08b406adf6bdc546300f9214f9fc7bae2,applied,7,{},ace-operator/$namespace/main,"2026-11-29 14:44:32.645873+00")'::ace_ops.migration).*;
INSERT INTO ace_ops.migration SELECT ('(20260102000000,index,sha256:b3153c416dfad9414130d703a79d69b46de34dedcc0ff2b83c8d85011dde9aa5,applied,7,{},ace-operator/$namespace/main,"2026-11-29 14:44:33.002928+00")'::ace_ops.migration).*;
INSERT INTO ace_ops.plan SELECT ('(t,sha256:d528b62b99488544e733814bd9af9159f1b8218f645e446a33045578ae7f9c14,$system,1,$oid-main,{20260102000000},{sha256:b3153c416dfad9414130d703a79d69b46de34dedcc0ff2b83c8d85011dde9aa5})'::ace_ops.plan).*;
INSERT INTO ace_ops.reference SELECT ('(column,public.notes.body,{public},"text
~nullable
~no default
~ordinary storage
~no comment")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(column,public.notes.id,{public},"bigint
not null
~no default
~ordinary storage
~no comment")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(constraint,public.notes.notes_pkey,{public},"PRIMARY KEY (id)
~no comment")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(default-privilege,"for postgres in public on functions to anon",{public},EXECUTE)'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(default-privilege,"for postgres in public on functions to authenticated",{public},EXECUTE)'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(default-privilege,"for postgres in public on functions to service_role",{public},EXECUTE)'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(default-privilege,"for postgres in public on sequences to anon",{public},"SELECT, UPDATE, USAGE")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(default-privilege,"for postgres in public on sequences to authenticated",{public},"SELECT, UPDATE, USAGE")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(default-privilege,"for postgres in public on sequences to service_role",{public},"SELECT, UPDATE, USAGE")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(default-privilege,"for postgres in public on tables to anon",{public},"DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(default-privilege,"for postgres in public on tables to authenticated",{public},"DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(default-privilege,"for postgres in public on tables to service_role",{public},"DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(grant,"schema public to PUBLIC",{public},USAGE)'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(grant,"schema public to anon",{public},USAGE)'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(grant,"schema public to authenticated",{public},USAGE)'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(grant,"schema public to postgres",{public},"CREATE, USAGE")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(grant,"schema public to service_role",{public},USAGE)'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(grant,"table public.notes to anon",{public},"DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(grant,"table public.notes to authenticated",{public},"DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(grant,"table public.notes to postgres",{public},"DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(grant,"table public.notes to service_role",{public},"DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(index,public.notes_body,{public},"CREATE INDEX notes_body ON public.notes USING btree (body)
~valid
~not clustered
~no replica identity
~no partition
~default tablespace
~no comment")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(index,public.notes_pkey,{public},"CREATE UNIQUE INDEX notes_pkey ON public.notes USING btree (id)
~valid
~not clustered
~no replica identity
~no partition
~default tablespace
~no comment")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(schema,public,{public},"schema
owner postgres
comment ''standard public schema''")'::ace_ops.reference).*;
INSERT INTO ace_ops.reference SELECT ('(table,public.notes,{public},"table
~logged
row security enabled
~row security not forced
~replica identity default
~stands alone
~no options
~ordinary storage
owner postgres
~no comment")'::ace_ops.reference).*;
