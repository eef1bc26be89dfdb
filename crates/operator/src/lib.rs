//! The operator: driver, sources and kinds.
