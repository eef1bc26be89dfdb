//! A ServiceAccount as the bed has written it down: how its bearer reaches the API server.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// What a kubeconfig of the bed says.
pub struct Account {
    text: String,
    path: PathBuf,
    /// Origin of the API server.
    pub server: String,
    /// Who signed its certificate, as PEM.
    pub authority: Vec<u8>,
    token: String,
}

impl Account {
    /// Reads a kubeconfig.
    ///
    /// # Panics
    /// If it is not one that the bed wrote.
    pub fn read(kubeconfig: &Path) -> Self {
        let text = fs::read_to_string(kubeconfig).expect("the bed wrote a kubeconfig");
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(key));
            line.expect("the bed's kubeconfig has it").trim().to_owned()
        };
        let authority = STANDARD.decode(value("certificate-authority-data:"));
        Self {
            server: value("server:"),
            authority: authority.expect("certificates are base64"),
            token: value("token:"),
            path: kubeconfig.to_owned(),
            text,
        }
    }

    /// Where the API server listens.
    ///
    /// # Panics
    /// If its origin names a host.
    pub fn address(&self) -> SocketAddr {
        let address = self.server.trim_start_matches("https://").parse();
        address.expect("the bed's API server has an address")
    }

    /// Writes the same with another origin beside it. One without TLS has no certificates.
    ///
    /// # Panics
    /// If the bed's directory can't be written to.
    pub fn written_for(&self, server: &str, extension: &str) -> PathBuf {
        let is_plain = server.starts_with("http://");
        let lines = self
            .text
            .lines()
            .filter(|line| !(is_plain && line.contains("certificate-authority-data:")));
        let changed: Vec<String> = lines.map(|line| line.replace(&self.server, server)).collect();
        let path = self.path.with_extension(extension);
        fs::write(&path, changed.join("\n")).expect("the bed's directory can be written to");
        path
    }

    /// Writes the files that a pod finds of its ServiceAccount.
    ///
    /// # Panics
    /// If they can't be written.
    pub fn mounted_in(&self, folder: &Path) {
        fs::create_dir_all(folder).expect("a folder can be made");
        let files = [
            ("ca.crt", self.authority.as_slice()),
            ("token", self.token.as_bytes()),
            ("namespace", b"ace-system"),
        ];
        for (name, content) in files {
            fs::write(folder.join(name), content).expect("a file can be written");
        }
    }
}
