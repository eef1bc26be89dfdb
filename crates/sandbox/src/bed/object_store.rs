//! An object store that speaks the protocol of S3: versitygw, on a directory.

use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::process::Signal;

use super::control_plane::{accepts, blocking, listen};
use super::error::BedError;
use super::file;
use super::go;
use super::ports;
use super::process::{Child, Program};
use super::progress::Progress;
use super::tools::ToolError;

/// The Go module, which travels in this program.
const MODULE: [(&str, &str); 2] = [
    ("go.mod", include_str!("../../../../tests/object-store/go.mod")),
    ("go.sum", include_str!("../../../../tests/object-store/go.sum")),
];

/// The bucket that is there from the beginning.
pub const BUCKET: &str = "ace-backups";

/// The region that requests have to be signed for.
pub const REGION: &str = "us-east-1";

/// A store that is up. Dropping it ends it; what is in it stays in its directory.
pub struct ObjectStore {
    /// `http://127.0.0.1:PORT`; buckets are part of the path.
    pub url: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    /// One directory a bucket, one file an object.
    pub directory: PathBuf,
    pub(super) child: Child,
}

/// The program, which is built when it is not in the cache.
pub(super) fn program(progress: Progress) -> Result<PathBuf, ToolError> {
    let program = go::Program {
        name: "versitygw",
        what: "the object store from tests/object-store: about a minute on 2 cores, once",
        module: &MODULE,
        package: "github.com/versity/versitygw/cmd/versitygw",
        linker_flags: "-s -w".to_owned(),
        packages: 700,
    };
    Ok(program.ensure(progress, |_| Ok(()))?.join(program.name))
}

impl ObjectStore {
    /// Starts a store on what is in `directory`, with [`BUCKET`] in it. `port`: the one to take where it is free.
    pub async fn start(
        directory: &Path,
        port: &mut Option<u16>,
        secret_access_key: &str,
        progress: Progress,
    ) -> Result<ObjectStore, BedError> {
        let path = blocking(move || program(progress).map_err(BedError::from)).await?;
        let started = Instant::now();
        let data = directory.join("objects");
        // Where what a file has no place for is kept: not every file system has attributes.
        let attributes = directory.join("attributes");
        file::make_directory(&data.join(BUCKET))?;
        file::make_directory(&attributes)?;
        let number = ports::free(*port).map_err(listen("versitygw", 0))?;
        *port = Some(number);
        let address = format!("127.0.0.1:{number}");
        let access_key_id = "bed".to_owned();
        let arguments = [
            "--port",
            &address,
            "--access",
            &access_key_id,
            "--secret",
            secret_access_key,
        ];
        let arguments =
            arguments
                .into_iter()
                .chain(["--region", REGION, "--keep-alive", "--quiet", "posix", "--sidecar"]);
        let arguments = arguments
            .map(str::to_owned)
            .chain([attributes.display().to_string(), data.display().to_string()]);
        let start = Child::start(Program {
            name: "versitygw",
            path,
            arguments: arguments.collect(),
            user: None,
            log: directory.join("versitygw.log"),
            end: Signal::KILL,
        });
        let mut child = start.map_err(|source| BedError::Start {
            name: "versitygw",
            source,
        })?;
        accepts(number, &mut child).await?;
        let url = format!("http://{address}");
        progress.took("object store", started, &url);
        Ok(ObjectStore {
            url,
            access_key_id,
            secret_access_key: secret_access_key.to_owned(),
            directory: data,
            child,
        })
    }
}
