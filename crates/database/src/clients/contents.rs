use std::collections::BTreeSet;

use crate::TableName;

/// The formats that `pg_dump` of PostgreSQL 12 to 18 writes: 1.14 to 1.16.
const OLDEST: (u8, u8) = (1, 14);
const NEWEST: (u8, u8) = (1, 16);

/// Number of the custom format.
const CUSTOM: u8 = 1;

/// The table of contents of a dump in the custom format, from the beginning of its stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Contents {
    /// Version of the server that was dumped, and of the `pg_dump` that did: `15.18`.
    pub server_version: String,
    pub client_version: String,
    pub(crate) entries: Vec<Entry>,
}

/// One entry of the table of contents.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Entry {
    pub(crate) id: i64,
    /// `TABLE DATA`, `EXTENSION`, …
    pub(crate) kind: String,
    pub(crate) schema: String,
    /// Name of the object, without quotes.
    pub(crate) name: String,
    pub(crate) definition: String,
}

/// Why there is no table of contents.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ContentsError {
    /// It begins in another way.
    #[error("this is no dump of `pg_dump -Fc`")]
    NotADump,
    /// It is of a version that is not known here.
    #[error("the dump has format {0}.{1}; known are {from}.{from_minor} to {to}.{to_minor}: use a newer version of this program",
        from = OLDEST.0, from_minor = OLDEST.1, to = NEWEST.0, to_minor = NEWEST.1)]
    UnknownFormat(u8, u8),
    /// It contradicts itself.
    #[error("the dump's table of contents is damaged")]
    Damaged,
    /// The stream ends within it.
    #[error("the dump ends within its table of contents")]
    Cut,
    /// It is larger than any that is read.
    #[error("the dump's table of contents is larger than {} MiB", super::feed::LARGEST >> 20)]
    TooLarge,
}

impl Contents {
    /// Reads it from the beginning of a stream. [`ContentsError::Cut`]: more of it is needed.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, ContentsError> {
        let mut reader = Reader {
            rest: bytes,
            integer: 4,
            offset: 8,
        };
        if reader.take(5)? != b"PGDMP" {
            return Err(ContentsError::NotADump);
        }
        let [major, minor, _revision, integer, offset, format] = reader.array()?;
        if !(OLDEST..=NEWEST).contains(&(major, minor)) {
            return Err(ContentsError::UnknownFormat(major, minor));
        }
        if format != CUSTOM || !(1..=8).contains(&integer) || !(1..=8).contains(&offset) {
            return Err(ContentsError::Damaged);
        }
        (reader.integer, reader.offset) = (integer.into(), offset.into());
        // How it is compressed: a byte from 1.15 on.
        if minor >= 15 {
            reader.take(1)?;
        } else {
            reader.integer()?;
        }
        // When it was made, in seven numbers.
        for _ in 0..7 {
            reader.integer()?;
        }
        let _database = reader.text()?;
        let (server, client) = (reader.text()?, reader.text()?);
        let count = reader.integer()?;
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(reader.entry(minor)?);
        }
        let version = |text: String| text.split_whitespace().next().unwrap_or_default().to_owned();
        Ok(Self {
            server_version: version(server),
            client_version: version(client),
            entries,
        })
    }

    /// The tables with rows in the dump.
    pub fn tables(&self) -> BTreeSet<TableName> {
        let data = self.entries.iter().filter(|entry| entry.kind == "TABLE DATA");
        data.map(|entry| TableName::new(&entry.schema, &entry.name)).collect()
    }
}

/// Reads what `pg_dump` writes: integers with a byte for their sign, least significant byte first; texts with their length.
struct Reader<'a> {
    rest: &'a [u8],
    /// Bytes of an integer without its sign, and of an offset without its kind.
    integer: usize,
    offset: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], ContentsError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(ContentsError::Cut)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ContentsError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(ContentsError::Cut)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn integer(&mut self) -> Result<i64, ContentsError> {
        let [negative] = self.array()?;
        let bytes = self.take(self.integer)?;
        let value = bytes
            .iter()
            .rev()
            .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let value = i64::try_from(value).map_err(|_| ContentsError::Damaged)?;
        Ok(if negative == 0 { value } else { -value })
    }

    /// A text that is not there has a negative length.
    fn optional(&mut self) -> Result<Option<String>, ContentsError> {
        let Ok(length) = usize::try_from(self.integer()?) else {
            return Ok(None);
        };
        let text = self.take(length)?;
        // A database of another encoding has other bytes in its names: they are compared with nothing of ours.
        Ok(Some(String::from_utf8_lossy(text).into_owned()))
    }

    fn text(&mut self) -> Result<String, ContentsError> {
        Ok(self.optional()?.unwrap_or_default())
    }

    fn entry(&mut self, minor: u8) -> Result<Entry, ContentsError> {
        let id = self.integer()?;
        let _has_data = self.integer()?;
        let (_catalogue, _oid) = (self.text()?, self.text()?);
        let (name, kind) = (self.text()?, self.text()?);
        let _section = self.integer()?;
        let definition = self.text()?;
        let (_drop, _copy) = (self.text()?, self.text()?);
        let schema = self.text()?;
        let (_tablespace, _access_method) = (self.text()?, self.text()?);
        if minor >= 16 {
            let _relation_kind = self.integer()?;
        }
        let (_owner, _with_oids) = (self.text()?, self.text()?);
        while self.optional()?.is_some() {}
        // Where its data are: a kind and an offset.
        self.take(1 + self.offset)?;
        Ok(Entry {
            id,
            kind,
            schema,
            name,
            definition,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Contents, ContentsError};

    /// The beginning of a dump with one entry, as format 1.14 has it.
    fn dump() -> Vec<u8> {
        let mut dump = b"PGDMP\x01\x0e\x00\x04\x08\x01".to_vec();
        let integer = |value: i32| [vec![u8::from(value < 0)], value.unsigned_abs().to_le_bytes().to_vec()].concat();
        let text = |text: &str| [integer(i32::try_from(text.len()).unwrap()), text.as_bytes().to_vec()].concat();
        for value in [0, 1, 2, 3, 4, 5, 126, 0] {
            dump.extend(integer(value));
        }
        for value in ["postgres", "15.18 (Debian 15.18-1)", "15.18"] {
            dump.extend(text(value));
        }
        dump.extend(integer(1));
        dump.extend(
            [
                integer(7),
                integer(1),
                text("0"),
                text("0"),
                text("x.y ü\"*"),
                text("TABLE DATA"),
                integer(3),
            ]
            .concat(),
        );
        dump.extend(
            [
                text(""),
                text(""),
                text("COPY …"),
                text("a b"),
                integer(-1),
                integer(-1),
            ]
            .concat(),
        );
        dump.extend([text("postgres"), text("false"), text("6"), integer(-1), vec![0; 9]].concat());
        dump
    }

    #[test]
    fn names_are_those_of_the_tables_whatever_is_in_them() {
        let contents = Contents::read(&dump()).unwrap();
        assert_eq!(
            (contents.server_version.as_str(), contents.client_version.as_str()),
            ("15.18", "15.18")
        );
        let tables: Vec<_> = contents.tables().into_iter().collect();
        assert_eq!(tables, [crate::TableName::new("a b", "x.y ü\"*")]);
        assert_eq!(contents.entries.first().unwrap().id, 7);
    }

    #[test]
    fn a_dump_that_is_cut_anywhere_in_its_contents_has_none() {
        let dump = dump();
        for length in 0..dump.len() {
            assert_eq!(Contents::read(&dump[..length]), Err(ContentsError::Cut), "{length}");
        }
    }

    #[test]
    fn what_is_no_dump_of_a_known_format_is_refused() {
        assert_eq!(
            Contents::read(b"-- PostgreSQL database dump"),
            Err(ContentsError::NotADump)
        );
        let mut newer = dump();
        newer[6] = 0x17;
        assert_eq!(Contents::read(&newer), Err(ContentsError::UnknownFormat(1, 23)));
        let mut directory = dump();
        directory[10] = 5;
        assert_eq!(Contents::read(&directory), Err(ContentsError::Damaged));
    }
}
