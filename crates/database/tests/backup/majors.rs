//! From a server of one major version to one of another: by clients of just these versions, or not at all.

use std::{collections::BTreeMap, path::PathBuf};

use ace_database::{
    Access, Attempt, Clients, Detail, Dump, Password, Proof, Scope, Scratch, ScratchError, Snapshot, TableName,
};
use ace_sandbox::bed::tools::{other_postgres, project_bin_dir};
use jiff::Timestamp;
use tokio::io::AsyncReadExt;

use crate::{
    bed::{APPLICATION, everything, programs},
    server::{PASSWORD, Server},
};

/// Twenty types, row security, partitions, a sequence, and what later releases print in another way.
const SCHEMA: &str = r#"
    CREATE ROLE authenticated;
    CREATE TYPE public.mood AS ENUM ('low', 'high');
    CREATE DOMAIN public.phone AS text CHECK (VALUE ~ '^\+[0-9]+$');
    CREATE TABLE public.types (
      id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, small smallint, whole integer, exact numeric(12, 4), real4 real,
      real8 double precision, yes boolean, words text, code varchar(8), fixed char(4), raw bytea, day date, at timestamptz,
      local timestamp, clock time, span interval, uid uuid, doc jsonb, plain json, net inet, list int[], during tstzrange,
      bits bit varying(8), mood public.mood, phone public.phone, twice int GENERATED ALWAYS AS (whole * 2) STORED
    );
    INSERT INTO public.types (small, whole, exact, real4, real8, yes, words, code, fixed, raw, day, at, local, clock, span, uid,
        doc, plain, net, list, during, bits, mood, phone)
      SELECT n % 100, n, n / 7.0, n / 7.0, n / 7.0, n % 2 = 0, 'Ü ' || n || E'\n', 'c' || n, 'ab', decode(md5(n::text), 'hex'),
        '2026-01-01'::date + n, '2026-01-01'::timestamptz + n * interval '1 s', '2026-01-01'::timestamp + n * interval '1 us',
        '00:00'::time + n * interval '1 s', n * interval '1 h', md5(n::text)::uuid, jsonb_build_object('b', n, 'a', n / 7.0),
        '{"b": 1,  "a": 2}', '10.0.0.0'::inet + n, ARRAY[n, NULL, -n],
        tstzrange('2026-01-01', '2026-01-01'::timestamptz + n * interval '1 d'), B'101',
        CASE n % 3 WHEN 0 THEN 'low'::public.mood WHEN 1 THEN 'high'::public.mood END, '+49' || n
      FROM generate_series(1, 500) n;
    ALTER TABLE public.types ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON public.types TO authenticated USING (yes);
    CREATE TABLE public.events (at date NOT NULL, n int) PARTITION BY RANGE (at);
    CREATE TABLE public.events_1 PARTITION OF public.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    INSERT INTO public.events SELECT '2026-01-01'::date + n, n FROM generate_series(1, 300) n;
    CREATE SEQUENCE public.tickets START 1000; SELECT nextval('public.tickets');
    CREATE VIEW public.highs AS SELECT id, words FROM public.types WHERE mood = 'high';
"#;

/// What the sequence goes on with.
const TICKETS: &str = "SELECT last_value FROM public.tickets";

struct Source {
    server: Server,
    access: Access,
}

impl Source {
    async fn start(programs: PathBuf) -> Self {
        let mut server = Server::of(programs, &[], &[]).await;
        let superuser = server.superuser().await;
        let roles = format!(
            "CREATE ROLE postgres LOGIN SUPERUSER PASSWORD '{PASSWORD}'; \
             CREATE ROLE scratch LOGIN CREATEDB CREATEROLE PASSWORD 'scratch-canary'; \
             GRANT ALL ON SCHEMA public TO postgres;"
        );
        superuser.batch_execute(&format!("{roles} {SCHEMA}")).await.unwrap();
        let access = server.access();
        Self { server, access }
    }

    async fn snapshot(&self) -> Box<Snapshot> {
        let taken = Snapshot::take(&self.access, APPLICATION, &everything(), Timestamp::now()).await;
        match taken.unwrap() {
            Attempt::Taken(snapshot) => snapshot,
            Attempt::Held(by) => panic!("held by {by:?}"),
            Attempt::Busy => panic!("busy"),
        }
    }

    async fn dump(&self, clients: &Clients) -> (Proof, Vec<u8>, Vec<String>) {
        let snapshot = self.snapshot().await;
        let proof = snapshot.prove(&self.access, APPLICATION, Detail::Rows).await.unwrap();
        let mut dump = Dump::start(clients, &self.access, APPLICATION, &snapshot)
            .await
            .unwrap();
        let mut bytes = Vec::new();
        dump.read_to_end(&mut bytes).await.unwrap();
        dump.finish().await.unwrap();
        let roles = snapshot.point().roles.clone();
        snapshot.release().await;
        (proof, bytes, roles)
    }

    async fn scratch(&self, run: &str) -> Scratch {
        let access = Access {
            user: "scratch".to_owned(),
            password: Password::new("scratch-canary").unwrap(),
            ..self.access.clone()
        };
        Scratch::create(&access, APPLICATION, run, "1").await.unwrap()
    }
}

#[tokio::test]
async fn a_backup_of_each_major_has_its_rows_on_the_same_and_each_later_one_and_no_older_one_takes_it() {
    let Some(mut others) = other_postgres().unwrap() else {
        eprintln!("there are no other versions of PostgreSQL for this system: they are not tried");
        return;
    };
    let mut clients = programs();
    let installed = clients.major;
    others.retain(|other| other.number != installed);
    let mut servers = BTreeMap::from([(installed, Source::start(project_bin_dir().unwrap()).await)]);
    for other in &others {
        servers.insert(other.number, Source::start(other.programs.clone()).await);
        if other.has_clients() {
            clients = clients.link(other.number, &other.programs);
        }
    }
    let mut dumps = BTreeMap::new();
    let without = |major: &u32| {
        others
            .iter()
            .any(|other| other.number == *major && !other.has_clients())
    };
    let there: Vec<String> = servers
        .keys()
        .filter(|major| !without(major))
        .map(u32::to_string)
        .collect();
    for (major, source) in &servers {
        if !without(major) {
            dumps.insert(*major, source.dump(&clients.clients).await);
            continue;
        }
        let started = Dump::start(&clients.clients, &source.access, APPLICATION, &*source.snapshot().await).await;
        let error = started.map(|_| ()).unwrap_err();
        assert_eq!(error.reason(), "ClientVersionUnavailable", "{error}");
        let says = format!(
            "there is no client of PostgreSQL {major} (there is {})",
            there.join(", ")
        );
        assert!(error.to_string().starts_with(&says), "{error}");
    }
    let mut compared = Vec::new();
    for (from, (proof, archive, roles)) in &dumps {
        assert_eq!(proof.rows_of(&TableName::new("public", "types")), Some(500));
        for (to, target) in &servers {
            let scratch = target.scratch(&format!("from-{from}")).await;
            let restored = scratch.restore(&clients.clients, archive.as_slice(), roles).await;
            match restored {
                Ok(restored) => {
                    assert!(restored.client.starts_with(&to.to_string()), "{restored:?}");
                    let copy = scratch.prove(&Scope::without(&[], []), Detail::Rows).await.unwrap();
                    assert_eq!(proof.differences(&copy), [], "from {from} to {to}");
                    let session = target.server.superuser_of(scratch.name()).await.unwrap();
                    let next: i64 = session.query_one(TICKETS, &[]).await.unwrap().get(0);
                    assert_eq!(next, 1000, "from {from} to {to}");
                    drop(session);
                    compared.push((*from, *to));
                }
                Err(ScratchError::ScratchTooOld { scratch, archive }) => {
                    assert_eq!((archive, scratch, to < from), (*from, *to, true));
                }
                Err(error) => {
                    assert!(without(to), "from {from} to {to}: {error}");
                    assert_eq!(
                        error.reason(),
                        "ClientVersionUnavailable",
                        "from {from} to {to}: {error}"
                    );
                }
            }
        }
    }
    let majors: Vec<u32> = dumps.keys().copied().collect();
    let pairs = majors.iter().flat_map(|from| majors.iter().map(move |to| (*from, *to)));
    let expected: Vec<(u32, u32)> = pairs.filter(|(from, to)| from <= to).collect();
    assert_eq!(compared, expected);
}
