use std::str::FromStr;

/// What is waited for: a kind, or one object of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Subject {
    pub(super) kind: Kind,
    pub(super) name: Option<String>,
}

/// Kinds that read from a source.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    EdgeFunction,
    MigrationSet,
}

impl Kind {
    /// As `kubectl` abbreviates it.
    pub(super) fn short(self) -> &'static str {
        match self {
            Self::EdgeFunction => "fn",
            Self::MigrationSet => "migs",
        }
    }
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) if !name.is_empty() => (kind, Some(name.to_owned())),
            Some(_) => return Err("a name has to follow the `/`".to_owned()),
            None => (text, None),
        };
        let kind = match kind.to_ascii_lowercase().as_str() {
            "fn" | "edgefunction" | "edgefunctions" => Kind::EdgeFunction,
            "migs" | "migrationset" | "migrationsets" => Kind::MigrationSet,
            _ => {
                return Err("kinds that read from a source are fn (edgefunctions) and migs (migrationsets)".to_owned());
            }
        };
        Ok(Self { kind, name })
    }
}

/// Whether objects of a kind are waited for: without subjects, of each.
pub(super) fn includes_kind(subjects: &[Subject], kind: Kind) -> bool {
    subjects.is_empty() || subjects.iter().any(|subject| subject.kind == kind)
}
