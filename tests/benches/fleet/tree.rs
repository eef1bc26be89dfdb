//! Source trees of the size of a real one: functions of 2 to 19 kB over a `_shared` folder of 40 files.

use std::{collections::BTreeSet, fmt::Write as _};

/// Files in `_shared`, and about how many bytes each has: the real tree has 373 kB of them.
const SHARED: (usize, usize) = (40, 9_300);
/// Bytes of the smallest and of the largest function's own file.
const OWN: (usize, usize) = (2_059, 18_959);

/// A generated tree; equal numbers of functions give equal trees.
pub struct Tree {
    /// Path below the functions' folder, and text.
    pub files: Vec<(String, String)>,
    slugs: Vec<String>,
}

impl Tree {
    /// A tree of so many functions.
    pub fn new(functions: usize) -> Self {
        let mut dice = Dice(0x5eed);
        let mut files: Vec<_> = (0..SHARED.0)
            .map(|number| (shared(number), code(&mut dice, String::new(), SHARED.1)))
            .collect();
        let slugs: Vec<_> = (0..functions).map(|number| format!("fn-{number:03}")).collect();
        for slug in &slugs {
            // Everybody imports the first; the real median is four modules, the maximum 13.
            let count = 2 + dice.roll(5);
            let imports: BTreeSet<_> = std::iter::once(0)
                .chain((0..count).map(|_| dice.roll(SHARED.0)))
                .collect();
            let mut text = String::new();
            for number in imports {
                let _ = writeln!(text, "import * as m{number} from \"../{}\";", shared(number));
            }
            let _ = writeln!(text, "Deno.serve(() => new Response(\"{slug}\"));");
            // Squared, so that most are small: the real median is 6.2 kB.
            let share = dice.roll(1_000);
            let bytes = OWN.0 + (OWN.1 - OWN.0) * share * share / 1_000_000;
            files.push((format!("{slug}/index.ts"), code(&mut dice, text, bytes)));
        }
        Self { files, slugs }
    }

    pub fn slugs(&self) -> &[String] {
        &self.slugs
    }

    /// The tree as a source carries it.
    pub fn packed(&self) -> Vec<u8> {
        let files: Vec<_> = self
            .files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        ace_tests::pack(&files)
    }
}

fn shared(number: usize) -> String {
    format!("_shared/module-{number:02}.ts")
}

/// Text that parses, has `bytes` bytes or a line more, and packs about as well as code does.
fn code(dice: &mut Dice, mut text: String, bytes: usize) -> String {
    while text.len() < bytes {
        let (name, factor, field) = (dice.roll(1 << 30), dice.roll(10_000), dice.roll(1 << 20));
        let _ = writeln!(
            text,
            "export function step{name}(row: Record<string, number>): number {{\n  return (row.field{field} ?? 0) * {factor};\n}}"
        );
    }
    text
}

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits are a size") % sides
    }
}
