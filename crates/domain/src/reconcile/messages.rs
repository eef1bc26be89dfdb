//! Parts of messages.

/// The first `most` names, and how many there are beside them.
pub(crate) fn listed<T>(all: &[T], most: usize, name: impl Fn(&T) -> String) -> String {
    let named: Vec<String> = all.iter().take(most).map(name).collect();
    let text = named.join(", ");
    match all.len() - named.len() {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}
