-- As the operator of commit 450a704 wrote them. `$name` stands for what differs from run to run.
INSERT INTO ace_ops.state SELECT ('(t,1,f,f,15,1,{public},sha256:5802bf6a6e0fd893c94db8dfeece098ccd97cb7bca1dbbcf5cab542f309aaf9d,5d8a18a6f9cbdd7ab3577cf8a4787276)'::ace_ops.state).*;
INSERT INTO ace_ops.owner SELECT ('(t,$namespace,approval)'::ace_ops.owner).*;
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
INSERT INTO ace_ops.reference SELECT ('(schema,public,{public},"schema
owner postgres
comment ''standard public schema''")'::ace_ops.reference).*;
