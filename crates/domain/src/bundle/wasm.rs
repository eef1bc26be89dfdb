//! What a WebAssembly module imports. Deno takes the name of each imported module as a specifier that stands in the file, so the
//! program needs what it leads to.

use std::collections::BTreeSet;

use super::module::{Fault, Import, Module};
use super::scan::{IMPORTS, Problem};

/// Magic number and version of a module.
const HEADER: &[u8] = b"\0asm\x01\0\0\0";
const IMPORT_SECTION: u8 = 2;

/// Reads the import section. Where the bytes are no such section, reading ends with what was found: what else a module must be,
/// the platform says at the deploy. Time grows with the section, memory with the names that differ.
pub(super) fn parse(bytes: &[u8]) -> Result<Module, Fault> {
    let mut names = BTreeSet::new();
    if let Some(mut section) = import_section(bytes) {
        // Each round takes at least four bytes.
        let mut left = section.number().unwrap_or_default();
        while left > 0
            && let Some(name) = section.import()
        {
            names.insert(name);
            left -= 1;
            if names.len() > IMPORTS {
                let problem = Problem::Bound("it imports from more than 10,000 modules; divide it");
                return Err(Fault {
                    line: 1,
                    column: 1,
                    problem,
                });
            }
        }
    }
    let imports = names.into_iter().map(|name| Import {
        specifier: name.to_owned(),
        line: 1,
        type_only: false,
        data: false,
        dynamic: false,
    });
    Ok(Module {
        imports: imports.collect(),
        ..Module::default()
    })
}

/// The content of the first import section.
fn import_section(bytes: &[u8]) -> Option<Reader<'_>> {
    let mut rest = Reader(bytes.strip_prefix(HEADER)?);
    loop {
        let id = rest.byte()?;
        let content = rest.counted()?;
        if id == IMPORT_SECTION {
            return Some(Reader(content));
        }
    }
}

/// Bytes that are not read yet. `None`: they are not what should come.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    /// One import: the name of its module. Its own name and what it is are passed over.
    fn import(&mut self) -> Option<&'b str> {
        let module = std::str::from_utf8(self.counted()?).ok()?;
        self.counted()?;
        match self.byte()? {
            // A function: its type.
            0 => self.pass_number()?,
            1 => self.table()?,
            2 => self.limits()?,
            // A global: its type, and whether it changes.
            3 => {
                self.value_type()?;
                self.byte()?;
            }
            // A tag: its attribute and its type.
            4 => {
                self.byte()?;
                self.pass_number()?;
            }
            _ => return None,
        }
        Some(module)
    }

    fn table(&mut self) -> Option<()> {
        self.value_type()?;
        self.limits()
    }

    /// A smallest size, and by its flags a largest one and the size of a page.
    fn limits(&mut self) -> Option<()> {
        let flags = self.byte()?;
        self.pass_number()?;
        for flag in [1, 8] {
            if flags & flag != 0 {
                self.pass_number()?;
            }
        }
        Some(())
    }

    /// A number type or a reference; one to a type of the module's own has its number behind it.
    fn value_type(&mut self) -> Option<()> {
        match self.byte()? {
            0x63 | 0x64 => self.pass_number(),
            _ => Some(()),
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// An unsigned LEB128 number of 32 bits.
    fn number(&mut self) -> Option<u32> {
        let mut number = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return number.try_into().ok();
            }
        }
        None
    }

    /// A LEB128 number of at most 64 bits, whatever it is.
    fn pass_number(&mut self) -> Option<()> {
        (0..10)
            .find_map(|_| match self.byte() {
                Some(byte) if byte & 0x80 != 0 => None,
                byte => Some(byte),
            })?
            .map(|_| ())
    }

    /// As many bytes as the number before them says.
    fn counted(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (counted, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(counted)
    }
}
