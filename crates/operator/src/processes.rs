//! Which kinds a process reconciles.

use ace_api::{KINDS, KindEntry, Process};

/// The flag `--kinds` names what no process can reconcile.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum KindsError {
    /// There is no such kind.
    #[error("the flag --kinds names `{name}`, which is none of {}", names(KINDS.iter()))]
    Unknown { name: String },
    /// They depend on what is found of each other, which no other process has.
    #[error("the flag --kinds names a part of what one process reconciles: name all of {} or none of them", names(.of.kinds()))]
    Divided { of: Process },
}

fn names(kinds: impl Iterator<Item = &'static KindEntry>) -> String {
    let names: Vec<&str> = kinds.map(|kind| kind.name).collect();
    names.join(", ")
}

/// The processes whose kinds are named; all of them where none is.
pub fn processes(kinds: &[String]) -> Result<Vec<Process>, KindsError> {
    if kinds.is_empty() {
        return Ok(Process::ALL.to_vec());
    }
    if let Some(unknown) = kinds.iter().find(|name| KindEntry::named(name).is_none()) {
        let name = unknown.clone();
        return Err(KindsError::Unknown { name });
    }
    let is_named = |kind: &KindEntry| kinds.iter().any(|name| name == kind.name);
    let mut named = Vec::new();
    for process in Process::ALL {
        if process.kinds().all(is_named) {
            named.push(process);
        } else if process.kinds().any(is_named) {
            return Err(KindsError::Divided { of: process });
        }
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use ace_api::{KINDS, Process};

    use super::{KindsError, processes};

    fn named(kinds: &[&str]) -> Result<Vec<Process>, KindsError> {
        let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        processes(&kinds)
    }

    #[test]
    fn the_kinds_of_a_process_are_named_together_or_not_at_all() {
        let of = |process: Process| process.kinds().map(|kind| kind.name).collect::<Vec<_>>();
        let all: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        for (kinds, expected) in [
            (Vec::new(), Ok(Process::ALL.to_vec())),
            (all, Ok(Process::ALL.to_vec())),
            (of(Process::Operator), Ok(vec![Process::Operator])),
            (of(Process::Worker), Ok(vec![Process::Worker])),
            (vec!["Platform"], Err(KindsError::Divided { of: Process::Operator })),
            (
                vec!["backups"],
                Err(KindsError::Unknown {
                    name: "backups".to_owned(),
                }),
            ),
        ] {
            assert_eq!(named(&kinds), expected, "{kinds:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_flag_is_said_with_what_to_write() {
        let unknown = named(&["Backups"]).unwrap_err().to_string();
        assert!(
            unknown.contains("`Backups`") && unknown.contains("Backup,"),
            "{unknown}"
        );
        let divided = named(&["EdgeFunction"]).unwrap_err().to_string();
        assert!(divided.contains("Platform, EdgeFunction"), "{divided}");
    }
}
