use super::text::part;

/// Finds lines by offset.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self { text, starts }
    }

    /// Line and column, both from 1; columns count characters.
    pub(super) fn position(&self, offset: usize) -> (u32, u32) {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let column = part(self.text, start..offset).chars().count() + 1;
        (saturated(line), saturated(column))
    }

    pub(super) fn line(&self, offset: usize) -> u32 {
        saturated(self.starts.partition_point(|start| *start <= offset))
    }
}

/// How many line feeds come before this character of the text. The server counts characters from 1.
pub fn lines_before(text: &str, position: u32) -> u32 {
    let before = text.chars().take(position.saturating_sub(1) as usize);
    saturated(before.filter(|character| *character == '\n').count())
}

/// No source has a text of more than 4 GiB.
fn saturated(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::lines_before;

    #[test]
    fn a_position_counts_characters_and_not_bytes() {
        assert_eq!(lines_before("-- äöü\nselect x", 7), 0);
        assert_eq!(lines_before("-- äöü\nselect x", 8), 1);
        assert_eq!(lines_before("", 0), 0);
    }
}
