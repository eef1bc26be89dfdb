//! Shapes within shapes.

use rand::Rng;

use super::{ELEMENTS, MAPS, SCRIPT, STATEMENTS, Shape, TYPES, bodies, repeat};

/// Most times that a shape of SQL is repeated: see `TIMES_OF_SQL`.
const SQL: usize = 1_000;

pub(crate) fn combination(random: &mut impl Rng) -> (&'static str, String) {
    let readers = [
        "index.ts",
        "index.tsx",
        "index.js",
        "index.jsx",
        "deno.json",
        "1_a.sql",
        "multipart",
    ];
    let reader = readers[random.random_range(0..readers.len())];
    let all: Vec<Shape> = match reader {
        "deno.json" => MAPS.to_vec(),
        "1_a.sql" => STATEMENTS.to_vec(),
        "multipart" => bodies::PARTS.to_vec(),
        _ => [SCRIPT, TYPES, ELEMENTS].concat(),
    };
    let mut one = || all[random.random_range(0..all.len())];
    let (outer, inner, beside) = (one(), one(), one());
    let times = 10_usize.pow(random.random_range(1..5));
    let times = if reader == "1_a.sql" { times.min(SQL) } else { times };
    let unit = [outer.1, inner.1, beside.1].concat();
    let close = [beside.3, inner.3, outer.3].concat();
    let text = match random.random_range(0..3) {
        0 => [outer.0, &unit.repeat(times), inner.2, &close.repeat(times)].concat(),
        1 => [outer.0, &unit.repeat(times)].concat(),
        _ => {
            let nested = repeat(inner, 10_usize.pow(random.random_range(0..3)));
            [outer.0, &[outer.1, &nested].concat().repeat(times / 10 + 1), outer.2].concat()
        }
    };
    (reader, text)
}
