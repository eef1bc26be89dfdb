//! A server, or whoever stands before it, whose messages are not as the protocol says: each field of each message of a run.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ace_database::{Access, Connection, Limits, RunError, Session, Settings};
use tokio::{
    io::{AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    bed::{Bed, Migration, migration, settings},
    proxy::{message, start_up},
};

/// What is done to a field, or to the length of the message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Emptied,
    Doubled,
    Cut,
    NotUtf8,
    /// The message says that it is of 1 GiB.
    Huge,
    /// The field is this instead.
    Is(&'static str),
}

const WAYS: [Way; 4] = [Way::Emptied, Way::Doubled, Way::Cut, Way::NotUtf8];
/// Longer than any run takes here: what takes as long hangs.
const HANGS: Duration = Duration::from_mins(1);

/// Where a field is, and how it says its length.
struct Field {
    at: Range<usize>,
    /// Preceded by a length of four bytes.
    measured: bool,
}

/// The fields of a message's body: texts that end in NUL, values with their lengths, and what is left as one.
fn fields(kind: u8, body: &[u8]) -> Vec<Field> {
    let (mut fields, mut at) = (Vec::new(), 0);
    let text = |from: usize| from..from + body[from..].iter().position(|byte| *byte == 0).unwrap_or(0);
    let plain = |at| Field { at, measured: false };
    match kind {
        b'E' | b'N' => {
            while at < body.len() && body[at] != 0 {
                fields.push(plain(text(at + 1)));
                at = fields.last().unwrap().at.end + 1;
            }
        }
        b'S' => {
            let name = text(0);
            let value = text(name.end + 1);
            fields.extend([plain(name), plain(value)]);
        }
        b'T' => {
            at = 2;
            while at < body.len() {
                let name = text(at);
                let rest = name.end + 1..name.end + 19;
                at = rest.end;
                fields.extend([plain(name), plain(rest)]);
            }
        }
        b'D' => {
            at = 2;
            while at < body.len() {
                let length = i32::from_be_bytes(body[at..at + 4].try_into().unwrap());
                let end = at + 4 + usize::try_from(length).unwrap_or(0);
                let value = at + 4..end;
                fields.push(Field {
                    at: value,
                    measured: length >= 0,
                });
                at = end;
            }
        }
        _ => fields.push(plain(0..body.len())),
    }
    fields
}

/// The message with one field changed; `None` where it has no such field.
fn mutated(kind: u8, message: &[u8], number: usize, way: Way) -> Option<Vec<u8>> {
    let body = &message[5..];
    if way == Way::Huge {
        let length = (1_u32 << 30).to_be_bytes();
        return (number == 0).then(|| [&[kind][..], &length, body].concat());
    }
    let field = fields(kind, body).into_iter().nth(number)?;
    let old = &body[field.at.clone()];
    let new = match way {
        Way::Emptied => Vec::new(),
        Way::Doubled => old.repeat(2),
        Way::Cut => old[..old.len() / 2].to_vec(),
        Way::NotUtf8 => vec![0xff; old.len()],
        Way::Huge => unreachable!("it is the message's length"),
        Way::Is(text) => text.as_bytes().to_vec(),
    };
    let before = if field.measured {
        let length = u32::try_from(new.len()).unwrap().to_be_bytes();
        [&body[..field.at.start - 4], &length].concat()
    } else {
        body[..field.at.start].to_vec()
    };
    let body = [&before[..], &new, &body[field.at.end..]].concat();
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    Some([&[kind][..], &length, &body].concat())
}

/// Which message of the server is changed, from when that was said, and how.
#[derive(Clone, Copy, Debug)]
struct Mutation {
    message: usize,
    field: usize,
    way: Way,
}

struct Liar {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    mutation: std::sync::Mutex<Option<Mutation>>,
    seen: AtomicUsize,
    done: AtomicUsize,
    /// Only messages of this kind count; 0: of any.
    only: std::sync::atomic::AtomicU8,
}

impl Liar {
    async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let liar = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::default(),
        };
        let state = liar.state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, port, state.clone()));
            }
        });
        liar
    }

    fn tells(&self, mutation: Mutation) {
        self.state.seen.store(0, Ordering::SeqCst);
        self.state.done.store(0, Ordering::SeqCst);
        *self.state.mutation.lock().unwrap() = Some(mutation);
    }

    /// Whether there was such a message, and such a field in it; messages pass unchanged from here on.
    fn told(&self) -> (bool, bool) {
        let mutation = self.state.mutation.lock().unwrap().take().unwrap();
        let seen = self.state.seen.load(Ordering::SeqCst) > mutation.message;
        (seen, self.state.done.load(Ordering::SeqCst) > 0)
    }
}

async fn carry(client: TcpStream, port: u16, state: Arc<State>) -> std::io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", port)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    start_up(&mut from_client, &mut to_server).await?;
    let there = tokio::spawn(async move { copy(&mut from_client, &mut to_server).await });
    while let Ok(kind) = tokio::io::AsyncReadExt::read_u8(&mut from_server).await {
        let (kind, mut message) = message(kind, &mut from_server).await?;
        let mutation = *state.mutation.lock().unwrap();
        let only = state.only.load(Ordering::SeqCst);
        if let Some(Mutation {
            message: number,
            field,
            way,
        }) = mutation
            && (only == 0 || only == kind)
            && state.seen.fetch_add(1, Ordering::SeqCst) == number
            && let Some(changed) = mutated(kind, &message, field, way)
        {
            state.done.fetch_add(1, Ordering::SeqCst);
            message = changed;
        }
        if to_client.write_all(&message).await.is_err() {
            break;
        }
    }
    // The server's end of it ends, too, and with it the lock.
    there.abort();
    Ok(())
}

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Counts the panics of our code and the driver's from here on: one in a task of theirs would look like a lost connection.
fn count_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let of_a_test = panic.location().is_some_and(|place| place.file().contains("tests/"));
            PANICS.fetch_add(usize::from(!of_a_test), Ordering::SeqCst);
            before(panic);
        }));
    });
}

fn hasty() -> Settings {
    Settings {
        lock_timeout: Duration::from_millis(700),
        statement_timeout: Duration::from_secs(2),
        ..settings()
    }
}

fn through(bed: &Bed, liar: &Liar) -> Access {
    Access {
        port: liar.port,
        limits: Limits {
            open: Duration::from_secs(2),
            statement: Duration::from_secs(1),
            ..Limits::default()
        },
        ..bed.access()
    }
}

/// A file that counts how often it ran, if it is not rolled back.
fn counted(version: usize) -> Migration {
    let counts = format!("INSERT INTO public.runs VALUES ({version})");
    migration(&version.to_string(), &[&counts, "SELECT 'a'::text, NULL::text"])
}

/// The run of a file of which one message of the server is changed.
async fn run(bed: &Bed, liar: &Liar, of: &Migration, mutation: Mutation) -> Result<(), RunError> {
    let mut session = bed.session_with(&through(bed, liar), &hasty()).await;
    liar.tells(mutation);
    let outcome = timeout(HANGS, of.run(&mut session)).await;
    outcome.unwrap_or_else(|_| panic!("{mutation:?}: it hangs")).map(|_| ())
}

async fn recorded(bed: &Bed, version: usize) -> Vec<String> {
    let counts = format!(
        "SELECT concat_ws(' ', (SELECT count(*) FROM public.runs WHERE version = {version}), \
         (SELECT count(*) FROM supabase_migrations.schema_migrations WHERE version = '{version}'), \
         (SELECT count(*) FROM ace_ops.migration WHERE version = '{version}'))"
    );
    bed.column(&counts).await
}

async fn bed() -> (Bed, Liar) {
    count_panics();
    let bed = Bed::new().await;
    let table = "CREATE TABLE public.runs (version integer); ALTER TABLE public.runs OWNER TO postgres";
    bed.superuser().await.batch_execute(table).await.unwrap();
    let liar = Liar::before(bed.access().port).await;
    (bed, liar)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_field_of_whatever_message_is_changed_a_file_runs_once_and_nothing_hangs() {
    let (bed, liar) = bed().await;
    let (mut version, mut told, mut failed) = (0, 0, 0);
    'messages: for message in 0.. {
        for field in 0.. {
            let mut is_field = false;
            // Of the ways one for each field, every one in turn.
            for way in [WAYS[(message + field) % WAYS.len()], Way::Huge] {
                version += 1;
                let (file, mutation) = (counted(version), Mutation { message, field, way });
                let outcome = run(&bed, &liar, &file, mutation).await;
                let (is_message, is_told) = liar.told();
                if !is_message {
                    assert_eq!(outcome, Ok(()));
                    break 'messages;
                }
                is_field |= is_told;
                told += usize::from(is_told);
                failed += usize::from(outcome.is_err());
                let mut session: Session = bed.session().await;
                if outcome.is_ok() {
                    assert_eq!(recorded(&bed, version).await, ["1 1 1"], "{mutation:?}");
                }
                match file.run(&mut session).await {
                    Ok(_) | Err(RunError::AlreadyRecorded) => {}
                    Err(error) => panic!("{mutation:?}: {outcome:?}, then {error:?}"),
                }
                drop(session);
                assert_eq!(recorded(&bed, version).await, ["1 1 1"], "{mutation:?}: {outcome:?}");
                if !is_told {
                    break;
                }
            }
            if !is_field {
                break;
            }
        }
    }
    println!("{told} fields changed, {failed} runs failed");
    // Fewer would mean that the proxy changes nothing.
    assert!(told >= 60 && failed >= 20, "{told} {failed}");
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_field_of_a_servers_refusal_is_changed_it_is_an_error_of_the_file() {
    let (bed, liar) = bed().await;
    // Of a SQLSTATE, which has five characters, each shorter one.
    let states = ["", "4", "42", "42P", "42P0", "42P010", "\u{fc}", "42\u{fc}"].map(Way::Is);
    let ways: Vec<_> = WAYS.into_iter().chain(states).collect();
    let (mut told, mut version) = (0, 0);
    liar.state.only.store(b'E', Ordering::SeqCst);
    for field in 0.. {
        let mut is_field = false;
        for way in ways.iter().copied() {
            version += 1;
            let counts = format!("INSERT INTO public.runs VALUES ({version})");
            let file = migration(&version.to_string(), &[&counts, "SELECT 1 FROM public.nothing"]);
            let mutation = Mutation { message: 0, field, way };
            let error = run(&bed, &liar, &file, mutation)
                .await
                .expect_err("the server refuses it");
            assert!(!error.to_string().contains('\0'), "{mutation:?}: {error}");
            is_field = liar.told().1;
            told += usize::from(is_field);
            // The session's own rows are gone with its transaction.
            drop(bed.session().await);
            assert_eq!(recorded(&bed, version).await, ["0 0 0"], "{mutation:?}: {error:?}");
        }
        if !is_field {
            break;
        }
    }
    assert!(told >= 7 * ways.len(), "{told}");
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_field_of_a_handshake_is_changed_nothing_hangs() {
    let (bed, liar) = bed().await;
    let mut told = 0;
    'messages: for message in 0.. {
        for field in 0.. {
            let mut is_field = false;
            for way in WAYS.into_iter().chain([Way::Huge]) {
                let mutation = Mutation { message, field, way };
                liar.tells(mutation);
                let identified = async {
                    if let Ok(connection) = Connection::open(&through(&bed, &liar)).await {
                        let _ = connection.identify().await;
                    }
                };
                let outcome = timeout(HANGS, identified).await;
                assert!(outcome.is_ok(), "{mutation:?}: it hangs");
                let (is_message, is_told) = liar.told();
                if !is_message {
                    break 'messages;
                }
                is_field |= is_told;
                told += usize::from(is_told);
            }
            if !is_field {
                break;
            }
        }
    }
    assert!(told >= 80, "{told}");
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
}
