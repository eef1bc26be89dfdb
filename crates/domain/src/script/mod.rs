//! From a folder of SQL to what will be run: its files, their statements, how each has to run, and what is dangerous.
//!
//! ```text
//! Tree ─▶ Folder ─▶ File ─▶ split ─┬─▶ words ─▶ how each runs, or why it is refused ─▶ Segment
//!                                  └─▶ tree ─▶ effects ─▶ assess(whole plan, Catalogue) ─▶ Risk
//! ```
//! Pure: bytes in, values or a sentence that says what to write instead out.

mod alterations;
mod effect;
mod effects;
mod error;
mod folder;
mod lines;
mod manner;
mod parse;
mod risk;
mod run;
mod split;
mod version;
mod words;

pub use error::{Refusal, ScriptError};
pub use folder::{File, Folder, FolderError, Skipped, read_folder};
pub use risk::{Catalogue, Risk, RiskClass, SAYS_CHARACTERS, assess};
pub use run::{Alone, ReindexTarget, Script, Segment, Sentence, Unread, read};
pub use split::split;
pub use version::{InvalidVersion, VERSION_DIGITS, Version};
