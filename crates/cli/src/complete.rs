//! What a shell proposes after `kubectl ace …`: subcommands, flags, words that a flag takes, and names of the cluster's objects.
//!
//! kubectl runs `kubectl_complete-ace` with the words so far, of which the last is being typed, and reads candidates and a directive.

use std::{fmt::Debug, time::Duration};

use ace_api::{AlertRule, Backup, BackupSchedule, MigrationSet, NotificationChannel, Platform};
use clap::{Arg, ArgAction, Command, CommandFactory};
use kube::{Resource, ResourceExt, config::Kubeconfig, core::NamespaceResourceScope};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::{arguments::Arguments, cluster::Cluster};

/// Whoever types waits no longer for names.
const PATIENCE: Duration = Duration::from_secs(2);
/// The shell proposes nothing of its own.
const NO_FILES: &str = ":4";
/// The shell proposes files.
const FILES: &str = ":0";

/// What may stand in the place of the last word.
#[derive(Debug, Eq, PartialEq)]
enum Place {
    /// One of these.
    Words(Vec<String>),
    /// The name of an object of this kind.
    Name(&'static str),
    /// A context of the kubeconfig.
    Context,
    /// A file or folder.
    File,
    /// What nobody can guess.
    Free,
}

/// The candidates, one a line, and the directive.
pub(crate) async fn complete(words: &[String]) -> String {
    let (typed, before) = words
        .split_last()
        .map_or(("", words), |(last, rest)| (last.as_str(), rest));
    let place = place(before, typed);
    let directive = if place == Place::File { FILES } else { NO_FILES };
    let all = match place {
        Place::Words(words) => words,
        Place::Name(kind) => timeout(PATIENCE, names(kind, before))
            .await
            .ok()
            .flatten()
            .unwrap_or_default(),
        Place::Context => contexts(),
        Place::File | Place::Free => Vec::new(),
    };
    let mut lines: Vec<String> = all.into_iter().filter(|word| word.starts_with(typed)).collect();
    lines.push(directive.to_owned());
    lines.join("\n") + "\n"
}

fn place(before: &[String], typed: &str) -> Place {
    let mut root = Arguments::command();
    root.build();
    let Some((name, rest)) = before.split_first() else {
        let shown = root.get_subcommands().filter(|command| !command.is_hide_set());
        return Place::Words(shown.map(|command| command.get_name().to_owned()).collect());
    };
    let Some(command) = root.find_subcommand(name) else {
        return Place::Free;
    };
    if let Some(flag) = rest.last().and_then(|word| flag(command, word)) {
        return value(command, flag);
    }
    if typed.starts_with('-') {
        return Place::Words(flags(command));
    }
    positional(command, rest).map_or(Place::Free, |argument| value(command, argument))
}

/// The flag that this word is, if another word follows it.
fn flag<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|argument| {
        let is_long = argument
            .get_long()
            .is_some_and(|long| word.strip_prefix("--") == Some(long));
        let is_short = argument.get_short().is_some_and(|short| word == format!("-{short}"));
        takes_value(argument) && (is_long || is_short)
    })
}

fn takes_value(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
}

fn flags(command: &Command) -> Vec<String> {
    let flags = command.get_arguments().filter(|argument| !argument.is_hide_set());
    flags
        .filter_map(Arg::get_long)
        .map(|long| format!("--{long}"))
        .collect()
}

/// The argument without a flag that comes next.
fn positional<'a>(command: &'a Command, words: &[String]) -> Option<&'a Arg> {
    let mut count = 0;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if flag(command, word).is_some() {
            words.next();
        } else if !word.starts_with('-') {
            count += 1;
        }
    }
    let mut all = command.get_positionals();
    let repeated = command
        .get_positionals()
        .find(|argument| matches!(argument.get_action(), ArgAction::Append));
    all.nth(count).or(repeated)
}

/// What an argument takes, by what its help calls it.
fn value(command: &Command, argument: &Arg) -> Place {
    let words = argument.get_possible_values();
    if !words.is_empty() {
        return Place::Words(words.iter().map(|word| word.get_name().to_owned()).collect());
    }
    let called = argument.get_value_names().and_then(|names| names.first());
    match (called.map_or("", |name| name.as_str()), command.get_name()) {
        ("PLATFORM", _) => Place::Name("Platform"),
        ("SCHEDULE", _) => Place::Name("BackupSchedule"),
        ("BACKUP", _) => Place::Name("Backup"),
        ("RULE", _) | ("NAME", "evaluate") => Place::Name("AlertRule"),
        ("CHANNEL", _) => Place::Name("NotificationChannel"),
        ("NAME", "plan") => Place::Name("MigrationSet"),
        ("KIND[/NAME]", _) => Place::Words(["fn", "migs"].map(str::to_owned).to_vec()),
        ("CONTEXT", _) => Place::Context,
        ("DIR" | "FILE" | "MANIFEST" | "PATH", _) => Place::File,
        _ => Place::Free,
    }
}

fn contexts() -> Vec<String> {
    let config = Kubeconfig::read().unwrap_or_default();
    config.contexts.into_iter().map(|context| context.name).collect()
}

/// The names of a kind's objects in the namespace that the words name, or the context; none where they can't be read.
async fn names(kind: &str, words: &[String]) -> Option<Vec<String>> {
    let cluster = Cluster::connect(option(words, &["--context"])).await.ok()?;
    let namespace = option(words, &["--namespace", "-n"]).unwrap_or(&cluster.namespace);
    match kind {
        "Platform" => listed::<Platform>(&cluster, namespace).await,
        "BackupSchedule" => listed::<BackupSchedule>(&cluster, namespace).await,
        "Backup" => listed::<Backup>(&cluster, namespace).await,
        "AlertRule" => listed::<AlertRule>(&cluster, namespace).await,
        "NotificationChannel" => listed::<NotificationChannel>(&cluster, namespace).await,
        "MigrationSet" => listed::<MigrationSet>(&cluster, namespace).await,
        _ => None,
    }
}

/// What stands behind one of these flags, or in one word with it.
fn option<'a>(words: &'a [String], flags: &[&str]) -> Option<&'a str> {
    words
        .iter()
        .zip(words.iter().skip(1).map(Some).chain([None]))
        .find_map(|(word, next)| {
            flags.iter().find_map(|flag| {
                if word == flag {
                    return next.map(String::as_str);
                }
                word.strip_prefix(flag)?.strip_prefix('=')
            })
        })
}

async fn listed<K>(cluster: &Cluster, namespace: &str) -> Option<Vec<String>>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let objects = cluster.list::<K>(namespace).await.ok()?;
    Some(objects.iter().map(ResourceExt::name_any).collect())
}

#[cfg(test)]
mod tests {
    use super::{Place, option, place};

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn what_comes_next_follows_from_the_words_before() {
        for (before, typed, expected) in [
            ("plan", "", Place::Name("MigrationSet")),
            ("plan -n ace", "", Place::Name("MigrationSet")),
            ("plan schema", "", Place::Free),
            ("plan -n", "", Place::Free),
            ("plan -f", "", Place::File),
            ("plan --context", "", Place::Context),
            (
                "plan --output",
                "",
                Place::Words(vec!["text".to_owned(), "json".to_owned()]),
            ),
            ("evaluate", "", Place::Name("AlertRule")),
            ("ack", "g", Place::Name("AlertRule")),
            ("notify-test", "", Place::Name("NotificationChannel")),
            ("backup b --schedule", "", Place::Name("BackupSchedule")),
            ("drill d --platform", "", Place::Name("Platform")),
            ("drill d --backup", "", Place::Name("Backup")),
            ("silence s --rule", "", Place::Name("AlertRule")),
            ("wait fn", "", Place::Words(vec!["fn".to_owned(), "migs".to_owned()])),
            ("import", "", Place::File),
            ("nothing-of-ours", "", Place::Free),
        ] {
            assert_eq!(place(&words(before), typed), expected, "{before} {typed}");
        }
    }

    #[test]
    fn subcommands_and_flags_are_those_of_the_help() {
        let Place::Words(commands) = place(&[], "") else {
            panic!("subcommands are words");
        };
        assert!(
            ["import", "plan", "wait", "drill"]
                .iter()
                .all(|name| commands.contains(&(*name).to_owned()))
        );
        assert!(!commands.contains(&"__complete".to_owned()), "{commands:?}");
        let Place::Words(flags) = place(&words("backup nightly"), "--") else {
            panic!("flags are words");
        };
        for flag in ["--schedule", "--reason", "--hold", "--incident", "--namespace"] {
            assert!(flags.contains(&flag.to_owned()), "{flag}: {flags:?}");
        }
    }

    #[test]
    fn the_namespace_is_read_in_every_form() {
        for text in [
            "plan -n ace",
            "plan --namespace ace",
            "plan --namespace=ace",
            "plan -n=ace x",
        ] {
            assert_eq!(option(&words(text), &["--namespace", "-n"]), Some("ace"), "{text}");
        }
        assert_eq!(option(&words("plan -n"), &["--namespace", "-n"]), None);
    }
}
