//! When a missing right is believed.

/// Refusals of a right in a row, to one object. An API server that has just started refuses what it allows a moment later: a
/// refusal is believed at the third answer, and until then the status stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Refusals(u8);

impl Refusals {
    const BELIEVED: u8 = 3;

    /// With one more answer.
    #[must_use]
    pub fn after(self, is_refused: bool) -> Self {
        if is_refused {
            Self(self.0.saturating_add(1))
        } else {
            Self::default()
        }
    }

    /// The right was refused, and may be granted a moment later.
    pub fn are_doubted(self) -> bool {
        (1..Self::BELIEVED).contains(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Refusals;

    #[test]
    fn a_refusal_is_believed_at_the_third_answer_in_a_row() {
        let doubted = |answers: &[bool]| {
            let refusals = answers
                .iter()
                .fold(Refusals::default(), |so_far, refused| so_far.after(*refused));
            refusals.are_doubted()
        };
        assert_eq!(
            [
                &[][..],
                &[true],
                &[true, true],
                &[true; 3],
                &[true; 9],
                &[true, true, false, true]
            ]
            .map(doubted),
            [false, true, true, false, false, true]
        );
        assert!(!doubted(&[true, false]));
        assert!(!doubted(&[true; 300]));
    }
}
