//! From files to what a function is: reading a source tree, the import closure of an entrypoint, its digest, and how a
//! deployed body compares with it.
//!
//! ```text
//! archive ─▶ Tree ─▶ TreeIndex ─▶ Closure ─▶ digest, revision
//!                     (parsed once)    ├─▶ Upload ─▶ the platform ─▶ BodyFiles
//!                                      └─────────── proves / differing ◀───┘
//! ```
//! All of it is pure: bytes in, values or an error message out.

mod archive;
mod body;
mod closure;
mod container;
mod difference;
mod digest;
mod error;
mod import_map;
mod index;
mod left_out;
mod limits;
mod listed;
mod location;
mod lookup;
mod module;
mod node;
mod path;
mod reach;
mod reads;
mod restore;
mod scan;
mod scope;
mod secrets;
mod statics;
mod tree;
mod upload;
mod walk;
mod wasm;

pub use archive::{read_archive, read_archive_where, write_archive};
pub use body::{BodyDigest, BodyFiles};
pub use closure::{Closure, FunctionSource};
pub use difference::{FileDifference, differing, proves};
pub use digest::{InvalidDigest, Revision, SourceDigest, short_digest};
pub use error::ClosureError;
pub use import_map::JSONC;
pub use index::TreeIndex;
pub use left_out::LeftOut;
pub use limits::{ArchiveError, ArchiveLimits, CLOSURE_BYTES, CLOSURE_FILES};
pub use listed::ListedImportMap;
pub use location::joined;
pub use path::{PATH_BYTES, TreePath, TreePathError};
pub use restore::{ClosureManifest, RestoreError};
pub use scope::{Fit, Folder, Scope, TooMany, read_for};
pub use secrets::{TELLING_BYTES, holds_secrets, tells_by_content};
pub use tree::{MissingFolder, Tree, TreeError};
pub use upload::{Mark, Upload};
