//! The server's refusals in the platform's words, which are psql's.

use std::fmt::Write as _;

use tokio_postgres::error::{DbError, ErrorPosition};

use super::DatabaseError;

pub(super) fn refused(error: tokio_postgres::Error, sql: &str) -> DatabaseError {
    match error.as_db_error() {
        Some(refusal) => DatabaseError::Refused(worded(refusal, sql)),
        None => DatabaseError::Lost(error),
    }
}

/// `ERROR:  42P01: relation "x" does not exist`, the line it is in with a mark under the place, then detail and hint.
fn worded(refusal: &DbError, sql: &str) -> String {
    let mut text = format!(
        "{}:  {}: {}\n",
        refusal.severity(),
        refusal.code().code(),
        refusal.message()
    );
    if let Some(ErrorPosition::Original(position)) = refusal.position() {
        text.push_str(&place(sql, *position as usize).unwrap_or_default());
    }
    for (label, more) in [
        ("DETAIL", refusal.detail()),
        ("HINT", refusal.hint()),
        ("CONTEXT", refusal.where_()),
    ] {
        if let Some(more) = more {
            writeln!(text, "{label}:  {more}").expect("a string takes every text");
        }
    }
    text
}

/// The line of the `position`-th character (from 1), and a caret under it.
fn place(sql: &str, position: usize) -> Option<String> {
    let before: String = sql.chars().take(position.checked_sub(1)?).collect();
    let number = before.matches('\n').count();
    let label = format!("LINE {}: ", number + 1);
    let column = before.rsplit('\n').next()?.chars().count();
    Some(format!(
        "{label}{}\n{}^\n",
        sql.split('\n').nth(number)?,
        " ".repeat(label.len() + column)
    ))
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn the_mark_stands_under_the_place_of_the_error() {
        assert_eq!(
            place("select 1,\n  é, x", 16).unwrap(),
            "LINE 2:   é, x\n             ^\n"
        );
    }
}
