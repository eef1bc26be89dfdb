//! From a folder of SQL to what will be run: its files, their statements, how each has to run, and what is dangerous.
//!
//! ```text
//! Tree ─▶ Folder ─▶ File ─┬─▶ split, as the CLI does ─▶ what its ledger records
//!                         └─▶ words ─▶ statements ─┬─▶ how each runs, or why it is refused ─▶ Segment
//!                                                  └─▶ tree ─▶ effects ─▶ assess(whole plan, Catalogue) ─▶ Risk
//! ```
//! Pure: bytes in, values or an error message with what to write instead out.

mod alterations;
mod assess;
mod bodies;
mod branches;
mod drops;
mod effect;
mod effects;
mod ends;
mod error;
mod execution_mode;
mod exposure;
mod firing;
mod folder;
mod lexer;
mod lines;
mod locks;
mod lookup;
mod made;
mod marks;
mod names;
mod new_values;
mod origin;
mod outcome;
mod parse;
mod policies;
mod presence;
mod risk;
mod routines;
mod script;
mod settings;
mod split;
mod statements;
mod text;
mod version;

pub use assess::assess;
pub use ends::committing_call;
pub use error::{Refusal, ScriptError};
pub(crate) use folder::with_line_feeds;
pub use folder::{File, Folder, FolderError, Skipped, read_folder, read_readable};
pub use lines::lines_before;
pub use new_values::used_new_value;
pub use risk::{Catalogue, Qualified, Risk, RiskClass, Routine, SAYS_CHARACTERS};
pub use script::{Alone, ReindexTarget, Script, Segment, Statement, Unread, read, read_all};
pub use split::split;
pub use text::is_unseen;
pub use version::{InvalidVersion, VERSION_DIGITS, Version};
