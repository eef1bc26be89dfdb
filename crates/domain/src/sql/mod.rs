//! From a folder of SQL to what will be run: its files, their statements, how each has to run, and what is dangerous.
//!
//! ```text
//! Tree ─▶ Folder ─▶ File ─▶ split ─┬─▶ words ─▶ how each runs, or why it is refused ─▶ Segment
//!                                  └─▶ tree ─▶ effects ─▶ assess(whole plan, Catalogue) ─▶ Risk
//! ```
//! Pure: bytes in, values or an error message with what to write instead out.

mod alterations;
mod effect;
mod effects;
mod error;
mod execution_mode;
mod folder;
mod lexer;
mod lines;
mod parse;
mod risk;
mod script;
mod split;
mod version;

pub use error::{Refusal, ScriptError};
pub use folder::{File, Folder, FolderError, Skipped, read_folder};
pub use lines::lines_before;
pub use risk::{Catalogue, Risk, RiskClass, SAYS_CHARACTERS, assess};
pub use script::{Alone, ReindexTarget, Script, Segment, Statement, Unread, read};
pub use split::split;
pub use version::{InvalidVersion, VERSION_DIGITS, Version};
