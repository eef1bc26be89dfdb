-- As the operator of commit 450a704 wrote them. `$name` stands for what differs from run to run.
INSERT INTO supabase_migrations.schema_migrations SELECT ('(20260101000000,"{""CREATE TABLE public.notes (id bigint PRIMARY KEY, body text)"",""ALTER TABLE public.notes ENABLE ROW LEVEL SECURITY""}",notes)'::supabase_migrations.schema_migrations).*;
INSERT INTO supabase_migrations.schema_migrations SELECT ('(20260102000000,"{""CREATE INDEX notes_body ON public.notes (body)""}",index)'::supabase_migrations.schema_migrations).*;
INSERT INTO ace_ops.state SELECT ('(t,1,t,t,15,1,{public},sha256:c7367cd6daa36d3cfed83e3fe4f667216db023f2096c2f284a3c8044e017718b,33a5232c3e29d15bdc30d003596e486b)'::ace_ops.state).*;
INSERT INTO ace_ops.owner SELECT ('(t,$namespace,unfinished)'::ace_ops.owner).*;
INSERT INTO ace_ops.migration SELECT ('(20260101000000,notes,sha256:7a721b865b8f4c43214943165e58f9f08b406adf6bdc546300f9214f9fc7bae2,applied,11,{},ace-operator/$namespace/unfinished,"2026-11-29 14:44:40.457535+00")'::ace_ops.migration).*;
INSERT INTO ace_ops.migration SELECT ('(20260102000000,index,sha256:b3153c416dfad9414130d703a79d69b46de34dedcc0ff2b83c8d85011dde9aa5,applied,46,{},ace-operator/$namespace/unfinished,"2026-11-29 14:44:41.117656+00")'::ace_ops.migration).*;
INSERT INTO ace_ops.plan SELECT ('(t,sha256:e7d486394e50f44d30dcf975c37191dea5d4fe6aca565c5e5989ea3d3fe5abb0,$system,1,$oid-unfinished,"{20260102000000,20260103000000}","{sha256:b3153c416dfad9414130d703a79d69b46de34dedcc0ff2b83c8d85011dde9aa5,sha256:0243807a8c93285d223cfbafdfd77cb0ad5f444a376160336aa64d254c3a873f}")'::ace_ops.plan).*;
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
