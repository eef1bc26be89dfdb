//! Parts of messages.

/// The first `most` names, and how many there are beside them.
pub(crate) fn listed<T>(all: &[T], most: usize, name: impl Fn(&T) -> String) -> String {
    let named: Vec<String> = all.iter().take(most).map(name).collect();
    of_total(&named, all.len())
}

/// These names, and how many of so many `total` there are beside them.
pub(crate) fn of_total(named: &[String], total: usize) -> String {
    let text = named.join(", ");
    match total.saturating_sub(named.len()) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}
