//! One series against its history: what holds at a turn, told by everything that was seen until then.

use ace_api::AlertState;
use proptest::{
    collection::vec,
    prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest},
    test_runner::Config,
};

use super::fixture::{Case, changed, failed, null, row};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    Value(f64),
    Null,
    Missing,
    Nothing,
    Error,
}

fn seen() -> impl Strategy<Value = (i64, Seen)> {
    let value = prop_oneof![
        (0..30_u8).prop_map(|value| Seen::Value(value.into())),
        (0..30_u8).prop_map(|value| Seen::Value(value.into())),
        proptest::strategy::Just(Seen::Null),
        proptest::strategy::Just(Seen::Missing),
        proptest::strategy::Just(Seen::Nothing),
        proptest::strategy::Just(Seen::Error),
    ];
    let wait = prop_oneof![9 => 60..90_i64, 1 => 150..260_i64];
    (wait, value)
}

/// Warns below 10, until 15 is reached.
fn rule(lasting: u8, keep: u8) -> Case {
    changed(|spec| {
        spec["condition"]["levels"] = serde_json::json!({ "warning": { "threshold": "10", "recovery": "15" } });
        spec["condition"]["for"] = format!("{lasting}m").into();
        spec["condition"]["keepFiringFor"] = format!("{keep}m").into();
    })
}

/// The turns of one series, and what is true of it by their whole history.
struct Model {
    lasting: i64,
    keep: i64,
    turns: Vec<(i64, Seen)>,
    fires: bool,
}

impl Model {
    /// The last turn, and those before it in which nobody looked away for more than three intervals, nor saw the series gone.
    fn stretch(&self, is: fn(f64) -> bool) -> Option<i64> {
        let (mut since, mut next) = (None, None);
        for (at, seen) in self.turns.iter().rev() {
            if *seen == Seen::Error {
                continue;
            }
            if next.is_some_and(|next: i64| next - at > 180) {
                break;
            }
            next = Some(*at);
            match seen {
                Seen::Value(value) if is(*value) => since = Some(*at),
                Seen::Value(_) => break,
                _ if self.is_gone_at(*at) => break,
                _ => {}
            }
        }
        since
    }

    /// It was missing among others for the third time in a row.
    fn is_gone_at(&self, at: i64) -> bool {
        let until = self.turns.iter().rev().skip_while(|(turn, _)| *turn > at);
        let looked = until.filter(|(_, seen)| !matches!(seen, Seen::Error | Seen::Nothing));
        let missing = looked.take_while(|(_, seen)| *seen == Seen::Missing).count();
        missing >= 3
    }

    fn turn(&mut self, at: i64, seen: Seen) {
        self.turns.push((at, seen));
        if self.is_gone_at(at) && seen == Seen::Missing {
            self.fires = false;
            return;
        }
        let Seen::Value(_) = seen else { return };
        let lasts = |since: Option<i64>, for_: i64| since.is_some_and(|since| at - since >= for_);
        if self.fires {
            self.fires = !lasts(self.stretch(|value| value >= 15.0), self.keep);
        } else {
            self.fires = lasts(self.stretch(|value| value < 10.0), self.lasting);
        }
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, cases: 300, ..Config::default() })]
    #[test]
    fn a_series_fires_just_when_its_whole_history_says_so(
        lasting in 0..6_u8,
        // Else a series flaps, which has a table of its own.
        keep in 30..34_u8,
        turns in vec(seen(), 1..120),
    ) {
        let mut case = rule(lasting, keep);
        let mut model = Model { lasting: i64::from(lasting) * 60, keep: i64::from(keep) * 60, turns: Vec::new(), fires: false };
        for (wait, seen) in turns {
            let before = case.status.clone();
            let tea = row("Tea", 50.0);
            case = match seen {
                Seen::Value(value) => case.turn(wait, vec![row("Book", value), tea]),
                Seen::Null => case.turn(wait, vec![null("Book"), tea]),
                Seen::Missing => case.turn(wait, vec![tea]),
                Seen::Nothing => case.turn(wait, Vec::new()),
                Seen::Error => case.answers(wait, &failed()),
            };
            model.turn(case.second, seen);
            let fires = case.status.firing == Some(1);
            prop_assert_eq!(fires, model.fires, "at {} after {:?}", case.second, model.turns);
            // What is not seen changes no alert.
            if !matches!(seen, Seen::Value(_) | Seen::Missing) {
                let states = |alerts: &[ace_api::Alert]| -> Vec<AlertState> { alerts.iter().map(|alert| alert.state).collect() };
                let fired = |alerts: &[ace_api::Alert]| states(alerts).into_iter().filter(|state| *state != AlertState::Pending).count();
                prop_assert_eq!(fired(&before.alerts), fired(&case.status.alerts));
            }
        }
    }

    #[test]
    fn a_restart_at_any_turn_neither_resolves_nor_fires(
        turns in vec((seen(), any::<bool>()), 1..60),
    ) {
        let mut case = rule(2, 30);
        for ((wait, seen), restarts) in turns {
            case = match seen {
                Seen::Value(value) => case.turn(wait, vec![row("Book", value)]),
                _ => case.answers(wait, &failed()),
            };
            if restarts {
                let before = case.clone();
                case = case.restarts(1);
                prop_assert_eq!(&case.status.alerts.iter().map(|alert| (alert.state, alert.since)).collect::<Vec<_>>(),
                    &before.status.alerts.iter().map(|alert| (alert.state, alert.since)).collect::<Vec<_>>());
                prop_assert_eq!(case.history(), before.history());
                prop_assert!(case.status == before.status, "a restart is no news: {:?} {:?}", case.status, before.status);
            }
        }
    }
}
