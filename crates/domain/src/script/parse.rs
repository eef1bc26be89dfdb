use super::effect::Effect;
use super::run::Piece;

/// What was read of a piece.
pub(super) struct Reading {
    pub(super) effects: Vec<(usize, Effect)>,
    pub(super) unread: Option<(usize, String)>,
}

pub(super) fn parse(_text: &str, pieces: &[Piece]) -> Vec<Reading> {
    pieces
        .iter()
        .map(|_| Reading {
            effects: Vec::new(),
            unread: None,
        })
        .collect()
}
