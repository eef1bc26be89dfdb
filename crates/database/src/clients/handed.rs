use std::io::{self, Write};

/// A text that a program reads as a file, and that is on no disk. It is not secret: any program that is started meanwhile could
/// read it.
pub(crate) struct Handed {
    #[cfg(target_os = "linux")]
    file: std::fs::File,
    #[cfg(not(target_os = "linux"))]
    file: tempfile::NamedTempFile,
}

impl Handed {
    #[cfg(target_os = "linux")]
    pub(crate) fn new(text: &[u8]) -> io::Result<Self> {
        // Without CLOEXEC: programs that are started inherit it under the same number.
        let memory = rustix::fs::memfd_create("ace", rustix::fs::MemfdFlags::empty())?;
        let mut file = std::fs::File::from(memory);
        file.write_all(text)?;
        Ok(Self { file })
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn new(text: &[u8]) -> io::Result<Self> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(text)?;
        Ok(Self { file })
    }

    /// Its path, for as long as this exists.
    #[cfg(target_os = "linux")]
    pub(crate) fn path(&self) -> String {
        format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&self.file))
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn path(&self) -> String {
        self.file.path().display().to_string()
    }
}
