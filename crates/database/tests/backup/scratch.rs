use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use ace_database::{AssertionError, Scratch, ScratchError, sweep_scratch};
use tokio::io::{AsyncRead, ReadBuf};

use crate::bed::{APPLICATION, Bed, Cluster, programs};

#[tokio::test]
async fn the_source_is_never_scratch() {
    let bed = Bed::new("").await;
    let source = bed.snapshot().await.point().system_identifier.clone();
    let refused = Scratch::create(&bed.access(), APPLICATION, "run-x", &source)
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(refused, ScratchError::ScratchIsSource), "{refused}");
    let there = bed
        .superuser()
        .await
        .query_one(
            "SELECT count(*) FROM pg_database WHERE datname = 'ace_scratch_run-x'",
            &[],
        )
        .await;
    assert_eq!(there.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_name_that_is_no_run_is_refused() {
    let cluster = Cluster::new().await;
    for run in ["", "x\"; DROP DATABASE postgres; --", "Ü", "A", &"x".repeat(41)] {
        let refused = Scratch::create(&cluster.access(), APPLICATION, run, "1")
            .await
            .map(|_| ())
            .unwrap_err();
        assert!(matches!(refused, ScratchError::RunInvalid), "{run}: {refused}");
    }
}

#[tokio::test]
async fn what_a_killed_run_has_left_is_swept_and_a_living_run_is_not() {
    let cluster = Cluster::new().await;
    let (killed, living) = (cluster.scratch().await, cluster.scratch().await);
    let (left, kept) = (killed.name().to_owned(), living.name().to_owned());
    let taken = Scratch::create(
        &cluster.access(),
        APPLICATION,
        kept.trim_start_matches("ace_scratch_"),
        "1",
    )
    .await;
    assert!(matches!(taken.map(|_| ()), Err(ScratchError::RunTaken)));
    // As the end of its process does, this ends its session and nothing else.
    drop(killed);
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_mins(1);
    while cluster.has(&left).await {
        assert!(tokio::time::Instant::now() < deadline, "{left} is still there");
        let swept = sweep_scratch(&cluster.access(), APPLICATION).await.unwrap();
        assert!(!swept.contains(&kept), "{swept:?}");
    }
    assert!(cluster.has(&kept).await);
    living.remove().await.unwrap();
    assert!(!cluster.has(&kept).await);
}

/// A stream that fails after its first bytes.
struct Failing(Vec<u8>);

impl AsyncRead for Failing {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "digest differs")));
        }
        let length = self.0.len().min(out.remaining());
        out.put_slice(&self.0[..length]);
        self.0.drain(..length);
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_restore_whose_stream_fails_behind_its_last_byte_has_failed() {
    let bed = Bed::new("CREATE TABLE public.items AS SELECT 1 AS a").await;
    let snapshot = bed.snapshot().await;
    let archive = bed.dump(&snapshot).await;
    let cluster = Cluster::new().await;
    let scratch = cluster.scratch().await;
    let failed = scratch
        .restore(&programs().clients, Failing(archive), &snapshot.point().roles)
        .await;
    assert!(
        matches!(&failed, Err(ScratchError::Source(error)) if error.to_string() == "digest differs"),
        "{failed:?}"
    );
    scratch.remove().await.unwrap();
}

#[tokio::test]
async fn an_extension_that_scratch_does_not_have_is_named_and_a_role_that_it_has_not_is_made() {
    let bed = Bed::new("CREATE EXTENSION citext SCHEMA public; CREATE TABLE public.items (a public.citext)").await;
    let auditor = format!("auditor of {}", bed.database);
    bed.as_superuser(&format!(
        "CREATE ROLE \"{auditor}\"; CREATE POLICY seen ON public.items TO \"{auditor}\" USING (true)"
    ))
    .await;
    let snapshot = bed.snapshot().await;
    assert!(
        snapshot.point().roles.contains(&auditor),
        "{:?}",
        snapshot.point().roles
    );
    let archive = bed.dump(&snapshot).await;
    let cluster = Cluster::new().await;
    let scratch = cluster.scratch().await;
    scratch
        .restore(&programs().clients, archive.as_slice(), &snapshot.point().roles)
        .await
        .unwrap();
    let superuser = cluster.superuser_of(scratch.name()).await;
    let role = superuser
        .query_one("SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", &[&auditor])
        .await;
    assert!(!role.unwrap().get::<_, bool>(0));
    cluster.left(superuser, scratch.name()).await;
    scratch.remove().await.unwrap();

    // The archive says that it needs one that no cluster offers.
    let mut other = archive;
    let (from, to) = (b"citext", b"citexx");
    for at in 0..other.len() - from.len() {
        if other[at..at + from.len()] == *from {
            other[at..at + to.len()].copy_from_slice(to);
        }
    }
    let scratch = cluster.scratch().await;
    let refused = scratch
        .restore(&programs().clients, other.as_slice(), &snapshot.point().roles)
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "scratch offers no extension citexx: install it there"
    );
    scratch.remove().await.unwrap();
}

#[tokio::test]
async fn an_assertion_is_one_read_only_statement_whose_value_is_not_kept() {
    let cluster = Cluster::new().await;
    let scratch = cluster.scratch().await;
    let superuser = cluster.superuser_of(scratch.name()).await;
    superuser
        .batch_execute(
            "CREATE TABLE public.items AS SELECT generate_series(1, 3) AS a; GRANT ALL ON public.items TO scratch",
        )
        .await
        .unwrap();
    let passed = async |statement, expected| {
        scratch
            .assert(statement, expected)
            .await
            .map(|asserted| asserted.passed)
    };
    assert_eq!(passed("SELECT count(*) FROM public.items; -- all", "3").await, Ok(true));
    assert_eq!(passed("SELECT count(*) = 3 FROM public.items", "t").await, Ok(true));
    assert_eq!(passed("SELECT count(*) FROM public.items", "4").await, Ok(false));
    assert_eq!(passed("SELECT NULL", "").await, Ok(false));
    let asserted = scratch.assert("SELECT 'canary'", "canary").await.unwrap();
    assert!(
        asserted.passed && !format!("{asserted:?}").contains("canary"),
        "{asserted:?}"
    );

    let refused = async |statement| scratch.assert(statement, "t").await.unwrap_err();
    assert!(matches!(
        refused("SELECT 1; DROP TABLE public.items").await,
        AssertionError::Refused(_)
    ));
    assert_eq!(
        refused("DELETE FROM public.items RETURNING 1").await,
        AssertionError::Refused("it would write (SQLSTATE 25006)".to_owned())
    );
    assert_eq!(
        refused("SELECT a FROM public.items").await,
        AssertionError::NotOneValue { rows: 3, columns: 1 }
    );
    assert_eq!(
        refused("SELECT 1, 2").await,
        AssertionError::NotOneValue { rows: 1, columns: 2 }
    );
    let message = refused("SELECT nowhere FROM public.items").await.to_string();
    assert_eq!(message, "the statement fails: column \"nowhere\" does not exist");
    assert_eq!(passed("SELECT count(*) FROM public.items", "3").await, Ok(true));
    cluster.left(superuser, scratch.name()).await;
    scratch.remove().await.unwrap();
}
