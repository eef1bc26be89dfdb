//! What is printed of a bed that is up.

use std::fmt::Write as _;
use std::path::Path;

use ace_sandbox::bed::{BED_FILE, Bed};

pub(crate) fn how_to_go_on(bed: &Bed) -> String {
    let (file, directory) = (bed.file(), bed.directory());
    let bin = directory.join("bin");
    let mut text = String::new();
    let mut line = |what: &str, value: &dyn std::fmt::Display| {
        // Writing to a String can't fail.
        let _ = writeln!(text, "  {what:<18} {value}");
    };
    line("Management API", &file.api_url);
    line("functions", &format_args!("{}/functions/v1/<slug>", file.functions_url));
    line("admin listener", &file.admin_url);
    line("artifacts", &file.artifacts_url);
    line("notifications", &format_args!("{}/deliveries", file.receivers_url));
    line("mail server", &file.mail_url);
    line("project", &file.project);
    if let Some(url) = &file.scratch_url {
        // Without its password.
        let place = url.rsplit_once('@').map_or(url.as_str(), |(_, place)| place);
        line("scratch", &place);
    }
    if let Some(node) = &file.node {
        line("node", &format_args!("{}, {}", node.name, node.address));
        line("containerd", &node.containerd.display());
    }
    line("everything else", &directory.join(BED_FILE).display());
    let enter = file.node.as_ref().map(|node| {
        let (network, containerd) = (shell(&node.network), shell(&node.containerd));
        let images = format!("ctr --address {containerd} --namespace k8s.io images import");
        // kubectl and Helm keep what they know of an API server by its address, which all nodes have in common.
        let cache = shell(&directory.join("kubectl-cache"));
        format!(
            "\n  {images} FILE.tar     # an image for its pods\n  nsenter --net={network} sh     # a shell in its network\n  \
             export KUBECACHEDIR={cache}"
        )
    });
    let enter = enter.unwrap_or_default();
    let token = format!(
        "$(sed -n 's/.*\"token\": \"\\(.*\\)\".*/\\1/p' {})",
        shell(&directory.join(BED_FILE))
    );
    let _ = write!(
        text,
        "go on in another terminal:{}
  export KUBECONFIG={} PATH={}:$PATH
  kubectl get namespaces
  export SUPABASE_PROFILE={} SUPABASE_ACCESS_TOKEN=\"{token}\"
  supabase projects list
Ctrl-C takes it down; what is in it stays.",
        enter,
        shell(&file.kubeconfig),
        shell(&bin),
        shell(&file.supabase_profile),
    );
    text
}

/// A path as a word of the shell.
pub(crate) fn shell(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_quote_is_one_word_of_the_shell() {
        assert_eq!(shell(Path::new("it's here")), r"'it'\''s here'");
    }
}
