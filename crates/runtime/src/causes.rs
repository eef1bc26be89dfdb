//! What is said of an error.

use std::{error::Error, iter::successors};

/// An error with its causes on one line, each once: some say theirs already.
pub fn with_causes(error: &dyn Error) -> String {
    let causes = successors(error.source(), |error| (*error).source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        if text.contains(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}
