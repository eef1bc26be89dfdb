use std::fmt;

/// Why a file that the source has is not in its tree. It stops only what reaches it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeftOut {
    /// A symbolic or hard link.
    Link,
    /// A device, a pipe or an entry of an unknown kind.
    Special,
    /// Its name is not UTF-8 or has a control character, for which a replacement character stands in its path.
    Name,
    /// It has more bytes than a file may have.
    TooLarge {
        /// Its size, as its header says.
        bytes: u64,
        limit: usize,
    },
    /// It holds secrets, by its name or its content.
    Secret,
}

impl fmt::Display for LeftOut {
    /// Continues a sentence that begins with the file's path, and says what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link => f.write_str(
                "is a link, which is not followed; put the file itself there (tar --dereference --hard-dereference)",
            ),
            Self::Special => f.write_str("is neither a file nor a folder; leave it out of the source"),
            Self::Name => f.write_str("has a name that is not UTF-8 or has a control character; rename the file"),
            Self::TooLarge { bytes, limit } => write!(
                f,
                "has {bytes} bytes, more than the {limit} that are read; leave it out of the source"
            ),
            Self::Secret => f.write_str(
                "holds secrets by its name or its content, so it is neither deployed nor archived; take it out of the source and read its values from the project's secrets, or rename it if it has none",
            ),
        }
    }
}
