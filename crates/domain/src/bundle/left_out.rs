use std::fmt;

/// Why a file that the source has is not in its tree. It stops only what reaches it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LeftOut {
    /// A symbolic or hard link.
    Link,
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
            Self::Secret => f.write_str(
                "holds secrets by its name or its content, so it is neither deployed nor archived; take it out of the source and read its values from the project's secrets, or rename it if it has none",
            ),
        }
    }
}
