//! What reads foreign bytes, by name. A new one is a line here, and productions of its own.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener},
    num::NonZeroU32,
    sync::{Arc, Mutex},
    thread,
};

use ace_database::{Access, Connection, Password, Tls};
use ace_domain::{
    bundle::{ArchiveLimits, Closure, FunctionSource, Tree, TreePath, read_archive},
    sql::{self, Catalogue},
};
use ace_egress::{AllowedHosts, Token, Url};
use ace_supabase::{Body, Budget, Client, Deadlines, Http, Limits, Priority};
use bytes::Bytes;

use crate::{objects, polls};

/// The answer of a reader to an input: what it is, or why it is refused. The kind of an object reads a status of it.
pub(crate) fn read(reader: &str, input: Vec<u8>) -> String {
    let input = Bytes::from(input);
    match reader {
        "index.ts" | "index.tsx" | "index.js" | "index.jsx" => closure(reader, &[(reader, input)]),
        "deno.json" => {
            let imports = "import 'a'; import 'a/b/c'; import './d.ts'; import 'npm:x';";
            closure("index.ts", &[("index.ts", imports.into()), (reader, input)])
        }
        // A map and a module, divided by NUL.
        "map and module" => {
            let end = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
            let module = input.slice((end + 1).min(input.len())..);
            closure("index.ts", &[("index.ts", module), ("deno.json", input.slice(..end))])
        }
        "tar.gz" => match read_archive(&input, &ArchiveLimits::default()) {
            Ok(tree) => closure_of("index.ts", &tree),
            Err(error) => error.to_string(),
        },
        "1_a.sql" => migration(input),
        "multipart" => body(input),
        "postgres" => database(&input),
        "functions" => functions(input),
        kind => polls::measured(async { objects::pass(kind, &input) }),
    }
}

/// A file of migrations, as a plan of it alone: what it would be refused for, or its risks.
fn migration(text: Bytes) -> String {
    let tree = Tree::from_files([(TreePath::new("1_a.sql").unwrap(), text)]).unwrap();
    let folder = match sql::read_folder(&tree, None) {
        Ok(folder) => folder,
        Err(error) => return error.to_string(),
    };
    let Some(file) = folder.files.first() else {
        return "no migration".to_owned();
    };
    match sql::read(file) {
        Ok(script) => {
            let risks = sql::assess(&[&script], &Catalogue::default());
            format!("{} risks", risks.iter().map(Vec::len).sum::<usize>())
        }
        Err(error) => error.to_string(),
    }
}

/// Between the parts of a body.
pub(crate) const BOUNDARY: &str = "boundary";

/// A function's body of this content, as the Management API answers it to the client.
fn body(content: Bytes) -> String {
    let client = answering(&format!("multipart/form-data; boundary={BOUNDARY}"), content);
    let slug = "hello".parse().unwrap();
    match polls::measured(client.function_body(Priority::Poll, &slug)) {
        Ok(Body::Files { files, .. }) => format!("{} files", files.len()),
        Ok(Body::Bundle(bytes)) => format!("{} bytes", bytes.len()),
        Err(error) => error.to_string(),
    }
}

/// A list of functions of this content.
fn functions(content: Bytes) -> String {
    let client = answering("application/json", content);
    match polls::measured(client.list_functions(Priority::Poll)) {
        Ok(functions) => format!("{} functions", functions.len()),
        Err(error) => error.to_string(),
    }
}

/// A client whose only request is answered with this content.
fn answering(type_: &str, content: Bytes) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let length = content.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {type_}\r\ncontent-length: {length}\r\n\r\n");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // The request is small: one read has all of it.
        let _ = stream.read(&mut [0; 4096]).unwrap();
        // A client that has read enough closes the connection.
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&content));
        let _ = stream.shutdown(Shutdown::Write);
    });
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Http::new(
        AllowedHosts::parse([&base]).unwrap(),
        Deadlines::default(),
        Limits::default(),
    )
    .unwrap();
    let budget = Arc::new(Mutex::new(Budget::new(NonZeroU32::MAX)));
    let (token, project) = (Token::new("sbp_0").unwrap(), "abcdefghijklmnopqrst".parse().unwrap());
    Client::new(&http, Url::parse(&base).unwrap(), token, project, budget)
}

/// One column of text, one row of it, and the end.
const BACKEND: &[u8] = b"T\0\0\0\x1a\0\x01a\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0\
    D\0\0\0\x0c\0\x01\0\0\0\x0242C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I";

/// The answer of a database server to whoever opens a session and asks who it is: the first byte says whether it is sent in the
/// handshake.
fn database(input: &[u8]) -> String {
    let (phase, sent) = input.split_first().unwrap();
    let (in_handshake, sent) = (*phase == 1, sent.to_vec());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let allowed = b"R\0\0\0\x08\0\0\0\0";
        let ready = b"Z\0\0\0\x05I";
        let _ = stream.write_all(allowed);
        if !in_handshake {
            let _ = stream.write_all(ready);
            let mut asked = [0; 4096];
            // Opening a session has it asked for its backend, which has to be answered.
            while let Ok(length @ 1..) = stream.read(&mut asked) {
                if !String::from_utf8_lossy(&asked[..length]).contains("pg_backend_pid()") {
                    break;
                }
                let _ = stream.write_all(BACKEND);
            }
        }
        // A client that has read enough closes the connection.
        let _ = stream.write_all(&sent);
        let _ = stream.shutdown(Shutdown::Write);
    });
    let access = Access {
        host: "127.0.0.1".to_owned(),
        port,
        name: "postgres".to_owned(),
        user: "postgres".to_owned(),
        password: Password::new("canary").unwrap(),
        tls: Tls::Disable,
        limits: ace_database::Limits::default(),
        allow_insecure: true,
    };
    polls::measured(async {
        match Connection::open(&access).await {
            Err(error) => error.to_string(),
            Ok(connection) => match connection.identify().await {
                Ok(_) => "it says who it is".to_owned(),
                Err(error) => error.to_string(),
            },
        }
    })
}

fn closure(entrypoint: &str, files: &[(&str, Bytes)]) -> String {
    let files = files
        .iter()
        .map(|(path, bytes)| (TreePath::new(*path).unwrap(), bytes.clone()));
    closure_of(entrypoint, &Tree::from_files(files).unwrap())
}

fn closure_of(entrypoint: &str, tree: &Tree) -> String {
    let source = FunctionSource {
        slug: "hello",
        entrypoint: Some(entrypoint),
        import_map: None,
        static_files: &[],
    };
    match Closure::compute(tree, &source) {
        Ok(closure) => format!("{} files, {} remote", closure.files().len(), closure.remote().len()),
        Err(error) => error.to_string(),
    }
}
