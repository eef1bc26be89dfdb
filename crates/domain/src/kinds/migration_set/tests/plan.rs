//! What a plan's digest is made of, and what not.

use ace_api::{OutOfOrder, RiskClass};

use super::{
    super::LedgerRow,
    fixture::{Case, pending, settled},
    values::{A, B, CONCURRENT, DROP, HARMLESS, LIVE, V1, V2, V3, V4, taken},
};
use crate::reconcile::fixture::at;

fn two() -> Case {
    settled().files(&[(V1, A), (V2, B), (V3, DROP), (V4, HARMLESS)])
}

#[test]
fn it_is_for_one_database_at_one_time_of_its_life_and_these_files_in_this_order() {
    let plan = two().plan();
    let others = [
        two().platform(|platform| platform.project = "another".to_owned()),
        two().observation(|observation| observation.target.system_identifier = "7".to_owned()),
        two().observation(|observation| observation.target.timeline = 2),
        two().observation(|observation| observation.target.database = "another".to_owned()),
        two().observation(|observation| observation.target.database_oid = 6),
        two().row("20260102500000", LedgerRow::default()),
        pending(DROP),
        settled().files(&[(V1, A), (V2, B), (V3, DROP), ("202601035", HARMLESS), (V4, HARMLESS)]),
        settled().files(&[(V1, A), (V2, B), (V3, HARMLESS), (V4, DROP)]),
        settled().files(&[(V1, A), (V2, B), (V3, "DROP TABLE public.a; "), (V4, HARMLESS)]),
        settled().files(&[(V1, A), (V2, B), (V3, DROP), ("20260104000001", HARMLESS)]),
        two().spec(|spec| spec.policy.approve = vec![RiskClass::Exposure]),
        two().noted(V3, DROP),
    ];
    for (number, other) in others.iter().enumerate() {
        assert_ne!(other.plan(), plan, "{number}");
    }
}

#[test]
fn it_is_the_same_whatever_else_changes() {
    let plan = two().plan();
    let same = [
        two().grown(),
        two().observation(|observation| observation.schema = taken(LIVE, Vec::new())),
        two().observation(|observation| observation.target.server_version = "15.9".to_owned()),
        two().operator_schema(|operator_schema| operator_schema.rows.clear()),
        two().spec(|spec| {
            spec.policy.approve = vec![RiskClass::Exposure, RiskClass::DataLoss, RiskClass::Opaque];
            spec.policy.out_of_order = OutOfOrder::Apply;
        }),
        two().later(3_600),
        two().forgotten(),
    ];
    for (number, other) in same.iter().enumerate() {
        assert_eq!(other.plan(), plan, "{number}");
    }
}

#[test]
fn a_table_that_grew_is_in_it_where_long_locks_need_an_approval() {
    let all = |case: Case| case.spec(|spec| spec.policy.approve = vec![RiskClass::LongLock]);
    let index = "CREATE INDEX a_b ON public.a (b);";
    let grown = pending(index).grown();
    assert_ne!(all(pending(index)).plan(), all(grown).plan());
}

#[test]
fn one_that_runs_a_file_again_is_another_each_time() {
    let again = |time| {
        let gone = settled().gone(V2);
        gone.operator_schema(|operator_schema| operator_schema.rows.get_mut(V2).unwrap().time = time)
    };
    assert_ne!(again(at(-7200)).plan(), again(at(-3600)).plan());
    assert_eq!(again(at(-7200)).plan(), again(at(-7200)).plan());
}

#[test]
fn parts_can_t_be_taken_for_each_other() {
    let of = |files: &[(&str, &str)]| settled().files(&[&[(V1, A), (V2, B)], files].concat()).plan();
    assert_ne!(
        of(&[("3", DROP), ("34", HARMLESS)]),
        of(&[("33", DROP), ("4", HARMLESS)])
    );
}

#[test]
fn the_status_names_the_files_and_their_risks() {
    let status = settled()
        .files(&[(V1, A), (V2, B), (V3, DROP), (V4, CONCURRENT)])
        .status();
    let plan = status.plan.unwrap();
    let shown: Vec<_> = plan
        .pending
        .iter()
        .map(|pending| {
            (
                pending.version.as_str(),
                pending.name.as_str(),
                pending.risks.as_slice(),
            )
        })
        .collect();
    let risky: &[_] = &[RiskClass::DataLoss];
    assert_eq!(shown, [(V3, "x", risky), (V4, "x", &[])]);
    assert!(plan.approval_required);
    assert_eq!(status.pending, Some(2));
}
