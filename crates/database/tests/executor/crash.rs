//! A statement at which the server's processes are killed, as the kernel does where memory ends.

use ace_database::{RunError, Session};
use ace_domain::{
    inputs::ArtifactState,
    kinds::migration_set::{Observation, State},
};
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    bed::{Bed, migration, terminated},
    outside::object,
};

async fn observed(session: &Session) -> Observation {
    let at = Timestamp::UNIX_EPOCH;
    let set = object(&["public"]);
    let unknown = State::new(&set, None, &ArtifactState::Waiting(String::new()), at);
    session.observation(&set, &unknown, None, at).await.unwrap()
}

#[tokio::test]
async fn a_server_that_restarts_because_a_backend_was_killed_has_another_start_and_one_that_lost_a_session_has_not() {
    let bed = Bed::alone().await;
    let running = "SELECT pid FROM pg_stat_activity WHERE application_name = 'ace-operator/ace/main' AND state = 'active' \
         AND query LIKE '%pg_sleep(600)%'";
    let mut starts = vec![observed(&bed.session().await).await.server_start];
    let file = migration("1", &["CREATE TABLE t ()", "SELECT pg_sleep(600)"]);
    for kills in [false, true, true] {
        let mut session = bed.session().await;
        session.send_one_by_one();
        let superuser = bed.superuser().await;
        let (outcome, ()) = tokio::join!(file.run(&mut session), async {
            bed.until(&format!("SELECT count(*)::text FROM ({running}) r"), &["1"])
                .await;
            let pid: i32 = superuser.query_one(running, &[]).await.unwrap().get(0);
            if kills {
                kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
            } else {
                superuser
                    .query("SELECT pg_terminate_backend($1)", &[&pid])
                    .await
                    .unwrap();
            }
        });
        if kills {
            // Nobody is left who could say why.
            let silent = RunError::Lost {
                line: Some(2),
                words: None,
            };
            assert_eq!(outcome, Err(silent));
            bed.restarted(&superuser).await;
        } else {
            assert_eq!(outcome, Err(terminated(2)));
        }
        starts.push(observed(&bed.session().await).await.server_start);
    }
    assert_eq!(starts[0], starts[1], "a session alone was lost");
    assert_ne!(starts[1], starts[2]);
    assert_ne!(starts[2], starts[3]);
    assert_eq!(
        bed.column("SELECT coalesce(to_regclass('t')::text, 'none')").await,
        ["none"]
    );
}
