//! Policies that let everybody in, and those that keep somebody out.

use ace_domain::sql::Catalogue;

use crate::exposure::{catalogue, expose, expose_nothing, exposures_in, name};

#[test]
fn a_policy_that_holds_for_everybody_and_every_row_is_known() {
    let says = "creates policy p, which lets every caller at every row of t";
    expose(&[
        ("create policy p on t to public using (true)", says),
        ("create policy p on t for delete using (true)", says),
        ("create policy p on t for insert to anon with check ((true))", says),
        ("create policy p on t for select to authenticated using (1 = 1)", says),
        ("create policy p on t using (true or false)", says),
        ("create policy p on t using (true or a = auth.uid())", says),
        ("create policy p on t using (not false)", says),
        ("create policy p on t using (not (1 = 2))", says),
        ("create policy p on t using ('a' <> 'b')", says),
        (
            "create policy p on t using (coalesce(null, true) and 1 in (1, 2))",
            says,
        ),
        ("create policy p on t using (exists (select 1))", says),
        ("create policy p on t using ((select true)::bool)", says),
        (
            "alter policy p on t to anon using (true)",
            "changes policy p, which lets every caller at every row of t",
        ),
        (
            "alter policy p on t using (true)",
            "changes policy p, which lets every caller at every row of t",
        ),
    ]);
    expose_nothing(&[
        "create policy p on t to service_role using (true)",
        "create policy p on t as restrictive using (true)",
        "create policy p on t using (a = auth.uid())",
        "create policy p on t for select to anon using (published)",
        "create policy p on t using (false)",
        "create policy p on t using (not true)",
        "create policy p on t using (false or a = auth.uid())",
        "create policy p on t using (true and (select auth.uid()) = a)",
        "create policy p on t using (current_user = 'postgres')",
        "create policy p on t using (exists (select from admins where admins.id = a))",
        "alter policy p on t rename to q",
    ]);
}

#[test]
fn a_policy_that_restricts_is_neither_dropped_nor_changed_unnoticed() {
    let policies = |policies: &[&str]| policies.iter().map(|it| (*it).to_owned()).collect();
    let catalogue = Catalogue {
        restrictive: [(name("public", "orders"), policies(&["own", "paid"]))].into(),
        ..catalogue()
    };
    let says = |what: &str| vec![format!("{what}, which restricts who sees or changes rows of orders")];
    for (text, expected) in [
        ("drop policy own on orders", says("drops policy own")),
        (
            "drop policy if exists own on orders; create policy own on orders as restrictive using (false)",
            says("drops policy own"),
        ),
        ("alter policy paid on orders using (a > 0)", says("changes policy paid")),
        (
            "alter policy paid on orders to service_role",
            says("changes policy paid"),
        ),
        (
            "alter policy own on public.orders rename to mine; drop policy mine on orders",
            says("drops policy mine"),
        ),
        (
            "alter policy own on orders rename to mine; drop policy own on orders",
            vec![],
        ),
        ("drop policy other on orders", vec![]),
        ("drop policy own on internal.orders", vec![]),
        (
            "create policy new on orders as restrictive using (a > 0); drop policy new on orders",
            vec![],
        ),
    ] {
        assert_eq!(exposures_in(&catalogue, text), expected, "{text}");
    }
    let renamed = "alter table public.orders rename to sales; drop policy own on public.sales";
    assert_eq!(
        exposures_in(&catalogue, renamed),
        ["drops policy own, which restricts who sees or changes rows of public.sales"]
    );
    // Of two tables of one name, either may be meant.
    let both = Catalogue {
        restrictive: [
            (name("public", "orders"), policies(&["own"])),
            (name("internal", "orders"), policies(&["own"])),
        ]
        .into(),
        ..catalogue
    };
    for (text, table) in [
        (
            "alter table orders rename to sales; drop policy own on internal.orders",
            "internal.orders",
        ),
        (
            "alter table orders rename to sales; drop policy own on internal.sales",
            "internal.sales",
        ),
        (
            "alter table orders rename to sales; drop policy own on public.sales",
            "public.sales",
        ),
        (
            "alter table orders set schema app; drop policy own on app.orders",
            "app.orders",
        ),
    ] {
        let says = format!("drops policy own, which restricts who sees or changes rows of {table}");
        assert_eq!(exposures_in(&both, text), [says], "{text}");
    }
}
