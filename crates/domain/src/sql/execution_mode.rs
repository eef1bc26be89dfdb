//! How a statement has to run, decided by its words alone.

use super::error::Refusal;
use super::lexer::{Kind, Word};
use super::script::{Alone, ReindexTarget};

/// How a statement runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum ExecutionMode {
    Transactional,
    /// `BEGIN` without options.
    Begin,
    /// `COMMIT` that begins no other transaction.
    Commit,
    Alone(Alone),
}

/// How a piece of the file runs, or the position of what it must not contain.
///
/// A piece is nearly always one statement. If it contains several (bodies of rules and functions; text that the CLI does not
/// split and the server does), each is checked, and all of them have to be ordinary ones.
pub(super) fn execution_mode(text: &str, words: &[Word]) -> Result<ExecutionMode, (usize, Refusal)> {
    if let Some(word) = words.iter().find(|word| word.is_sign(text, b'\\')) {
        return Err((word.range.start, PSQL));
    }
    if let Some(word) = words
        .iter()
        .find(|word| word.name(text).is_some_and(|name| name == "pg_advisory_unlock_all"))
    {
        return Err((word.range.start, UNLOCK));
    }
    let mut statements = words
        .split(|word| word.is_sign(text, b';'))
        .filter(|words| !words.is_empty());
    let Some(first) = statements.next() else {
        return Ok(ExecutionMode::Transactional);
    };
    let first = Statement { text, words: first };
    let at = |statement: &Statement<'_>| statement.words.first().map_or(0, |word| word.range.start);
    let execution_mode = first.execution_mode().map_err(|refusal| (at(&first), refusal))?;
    for words in statements {
        let next = Statement { text, words };
        // The end of a body in SQL.
        if first.at(0, "create") && next.at(0, "end") {
            continue;
        }
        let ordinary = next
            .execution_mode()
            .is_ok_and(|next| next == ExecutionMode::Transactional)
            && execution_mode == ExecutionMode::Transactional;
        if !ordinary {
            return Err((at(&next), HIDDEN));
        }
    }
    Ok(execution_mode)
}

struct Statement<'t> {
    text: &'t str,
    words: &'t [Word],
}

impl Statement<'_> {
    fn execution_mode(&self) -> Result<ExecutionMode, Refusal> {
        let word = self.words.first().filter(|word| word.kind == Kind::Bare);
        let word = word.and_then(|word| word.name(self.text)).unwrap_or_default();
        match word.as_str() {
            "begin" => self.begin(1),
            "start" if self.at(1, "transaction") => self.begin(2),
            "commit" | "end" => self.commit(),
            "rollback" if self.after_noise(1, &["to"]) && !self.at(1, "prepared") => Ok(ExecutionMode::Transactional),
            "rollback" | "abort" => Err(ROLLBACK),
            "prepare" if self.at(1, "transaction") => Err(PREPARE),
            "discard" if self.at(1, "all") => Err(DISCARD),
            "set" if self.sets_the_transaction() => Err(MODE),
            "create" => self.create(),
            "drop" => self.drop(),
            "alter" => self.alter(),
            "reindex" => self.reindex(),
            "vacuum" => Ok(ExecutionMode::Alone(Alone::Vacuum)),
            "cluster" if !self.clusters_a_table() => Err(CLUSTER),
            "copy" if self.pair("from", "stdin") || self.pair("to", "stdout") => Err(COPY),
            _ => Ok(ExecutionMode::Transactional),
        }
    }

    fn begin(&self, from: usize) -> Result<ExecutionMode, Refusal> {
        let from = from + usize::from(self.one_of(from, &["work", "transaction"]));
        if self.words.len() > from {
            Err(OPTIONS)
        } else {
            Ok(ExecutionMode::Begin)
        }
    }

    fn commit(&self) -> Result<ExecutionMode, Refusal> {
        let from = 1 + usize::from(self.one_of(1, &["work", "transaction"]));
        let unchained = self.at(from, "and") && self.at(from + 1, "no") && self.at(from + 2, "chain");
        let rest = self.words.len() - from;
        if rest == 0 || (unchained && rest == 3) {
            Ok(ExecutionMode::Commit)
        } else {
            Err(CHAIN)
        }
    }

    /// `SET TRANSACTION`, by this name or by those of its settings.
    fn sets_the_transaction(&self) -> bool {
        let at = 1 + usize::from(self.one_of(1, &["local", "session"]) && !self.at(2, "characteristics"));
        self.one_of(
            at,
            &[
                "transaction",
                "transaction_read_only",
                "transaction_isolation",
                "transaction_deferrable",
            ],
        ) || self.at(at, "session") && self.at(at + 1, "characteristics")
    }

    fn create(&self) -> Result<ExecutionMode, Refusal> {
        let index = 1 + usize::from(self.at(1, "unique"));
        if self.at(index, "index") && self.at(index + 1, "concurrently") {
            return self.create_index(index + 2).map(ExecutionMode::Alone);
        }
        match () {
            () if self.at(1, "database") => Err(DATABASE),
            () if self.at(1, "tablespace") => Err(TABLESPACE),
            () if self.at(1, "subscription") && !self.connects_nowhere() => Err(SUBSCRIPTION),
            () => Ok(ExecutionMode::Transactional),
        }
    }

    fn create_index(&self, at: usize) -> Result<Alone, Refusal> {
        let if_not_exists = self.at(at, "if") && self.at(at + 1, "not") && self.at(at + 2, "exists");
        let at = at + if if_not_exists { 3 } else { 0 };
        if self.at(at, "on") {
            return Err(UNNAMED);
        }
        let (_, name, at) = self.name(at).ok_or(NAME)?;
        let on = self.at(at, "on").then_some(at + 1).ok_or(NAME)?;
        let (schema, table, _) = self.name(on + usize::from(self.at(on, "only"))).ok_or(NAME)?;
        Ok(Alone::CreateIndex {
            schema,
            name,
            table,
            if_not_exists,
        })
    }

    fn drop(&self) -> Result<ExecutionMode, Refusal> {
        match () {
            () if self.at(1, "database") => Err(DATABASE),
            () if self.at(1, "tablespace") => Err(TABLESPACE),
            () if self.at(1, "index") && self.at(2, "concurrently") => self.drop_index().map(ExecutionMode::Alone),
            () => Ok(ExecutionMode::Transactional),
        }
    }

    fn drop_index(&self) -> Result<Alone, Refusal> {
        let if_exists = self.at(3, "if") && self.at(4, "exists");
        let (schema, name, at) = self.name(if if_exists { 5 } else { 3 }).ok_or(NAME)?;
        if self.words.get(at).is_some_and(|word| word.is_sign(self.text, b',')) {
            return Err(SEVERAL);
        }
        Ok(Alone::DropIndex {
            schema,
            name,
            if_exists,
        })
    }

    fn alter(&self) -> Result<ExecutionMode, Refusal> {
        match () {
            () if self.at(1, "system") => Ok(ExecutionMode::Alone(Alone::AlterSystem)),
            () if self.at(1, "database") && self.pair("set", "tablespace") => Err(TABLESPACE),
            () if self.at(1, "table") && self.pair("detach", "partition") && self.anywhere("concurrently") => {
                Err(DETACH)
            }
            () => Ok(ExecutionMode::Transactional),
        }
    }

    fn reindex(&self) -> Result<ExecutionMode, Refusal> {
        let (options, at) = self.options(1);
        let target = match () {
            () if self.at(at, "index") => ReindexTarget::Index,
            () if self.at(at, "table") => ReindexTarget::Table,
            () => return Err(REINDEX),
        };
        let concurrently = self.at(at + 1, "concurrently");
        if !concurrently && !self.switched_on(options, "concurrently") {
            return Ok(ExecutionMode::Transactional);
        }
        let (schema, name, _) = self.name(at + 1 + usize::from(concurrently)).ok_or(NAME)?;
        Ok(ExecutionMode::Alone(Alone::Reindex { target, schema, name }))
    }

    /// The words between parentheses at `at`, and where they end.
    fn options(&self, at: usize) -> (&[Word], usize) {
        let sign = |word: &Word, sign| word.is_sign(self.text, sign);
        let end = self.words.iter().skip(at).position(|word| sign(word, b')'));
        let opens = self.words.get(at).is_some_and(|word| sign(word, b'('));
        match end.filter(|_| opens) {
            Some(end) => (self.words.get(at + 1..at + end).unwrap_or_default(), at + end + 1),
            None => (&[], at),
        }
    }

    /// Whether an option is there and not switched off.
    fn switched_on(&self, options: &[Word], option: &str) -> bool {
        let mut options = options.split(|word| word.is_sign(self.text, b','));
        options.any(|words| {
            let off = |word: &Word| {
                let written = word.written(self.text).trim_matches('\'').to_ascii_lowercase();
                matches!(written.as_str(), "off" | "false" | "0")
            };
            words.first().is_some_and(|word| word.is(self.text, option)) && !words.get(1).is_some_and(off)
        })
    }

    fn clusters_a_table(&self) -> bool {
        let (_, at) = self.options(1);
        self.words.len() > at + usize::from(self.at(at, "verbose"))
    }

    /// A subscription without a slot on the publisher can be made in a transaction.
    fn connects_nowhere(&self) -> bool {
        let off = |name: &str| {
            self.words.windows(3).any(|words| {
                matches!(words, [option, sign, value] if option.is(self.text, name)
                    && sign.is_sign(self.text, b'=') && value.is(self.text, "false"))
            })
        };
        off("connect") || off("create_slot")
    }

    /// Schema, name and what follows them; a catalogue before the schema is passed over.
    fn name(&self, mut at: usize) -> Option<(Option<String>, String, usize)> {
        let (mut schema, mut name) = (None, self.words.get(at)?.name(self.text)?);
        while self.words.get(at + 1).is_some_and(|word| word.is_sign(self.text, b'.')) {
            at += 2;
            schema = Some(std::mem::replace(&mut name, self.words.get(at)?.name(self.text)?));
        }
        Some((schema, name, at + 1))
    }

    fn at(&self, at: usize, keyword: &str) -> bool {
        self.words.get(at).is_some_and(|word| word.is(self.text, keyword))
    }

    fn one_of(&self, at: usize, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.at(at, keyword))
    }

    fn after_noise(&self, at: usize, keywords: &[&str]) -> bool {
        self.one_of(at + usize::from(self.one_of(at, &["work", "transaction"])), keywords)
    }

    fn anywhere(&self, keyword: &str) -> bool {
        self.words.iter().any(|word| word.is(self.text, keyword))
    }

    /// Whether one keyword follows another anywhere.
    fn pair(&self, first: &str, second: &str) -> bool {
        self.words
            .windows(2)
            .any(|words| matches!(words, [a, b] if a.is(self.text, first) && b.is(self.text, second)))
    }
}

const OWN: &str = "leave it out: every file runs in a transaction of its own";
const HAND: &str = "run it by hand, outside of migrations";
const OPTIONS: Refusal = Refusal::control("BEGIN with options", OWN);
const CHAIN: Refusal = Refusal::control("COMMIT with options", OWN);
const ROLLBACK: Refusal = Refusal::control(
    "ROLLBACK, which would undo the migration",
    "leave it out, or roll back to a savepoint",
);
const PREPARE: Refusal = Refusal::control("PREPARE TRANSACTION", OWN);
const DISCARD: Refusal = Refusal::control(
    "DISCARD ALL, which can't run in a transaction",
    "leave it out: the session is reset after every file",
);
const MODE: Refusal = Refusal::control(
    "SET TRANSACTION, which changes the transaction that the ledger is written in",
    "leave it out, and LOCK TABLE what must not change meanwhile",
);
const UNLOCK: Refusal = Refusal::control(
    "pg_advisory_unlock_all, which would give up the lock that migrations run under",
    "unlock the keys that were locked one by one",
);
const HIDDEN: Refusal = Refusal::control(
    "a statement that must stand alone, inside another one",
    "end the previous statement with a `;` outside of parentheses, and begin a new line",
);
const DATABASE: Refusal = Refusal::unprovable("CREATE or DROP DATABASE, which can't run in a transaction", HAND);
const TABLESPACE: Refusal = Refusal::unprovable("a statement about tablespaces that can't run in a transaction", HAND);
const SUBSCRIPTION: Refusal = Refusal::unprovable(
    "CREATE SUBSCRIPTION, which creates a replication slot outside of any transaction",
    "create the slot by hand and write WITH (create_slot = false)",
);
const DETACH: Refusal = Refusal::unprovable(
    "DETACH PARTITION … CONCURRENTLY, which can't run in a transaction",
    "leave CONCURRENTLY out",
);
const CLUSTER: Refusal = Refusal::unprovable(
    "CLUSTER of all tables, which can't run in a transaction",
    "name the table",
);
const REINDEX: Refusal = Refusal::unprovable(
    "REINDEX of a schema or database, which can't run in a transaction",
    "write REINDEX TABLE CONCURRENTLY for each table",
);
const UNNAMED: Refusal = Refusal::unprovable(
    "CREATE INDEX CONCURRENTLY without a name: repeated, it would create a second index",
    "name it",
);
const SEVERAL: Refusal = Refusal::unprovable(
    "DROP INDEX CONCURRENTLY of several indexes, which the server does not do",
    "write a statement for each",
);
const NAME: Refusal = Refusal::unprovable(
    "a CONCURRENTLY statement whose names can't be read, so that its outcome could not be verified",
    "write plain names, without U&",
);
const PSQL: Refusal = Refusal::no_sql(
    "a backslash outside of quotes: psql commands are not SQL",
    "leave it out",
);
const COPY: Refusal = Refusal::no_sql(
    "COPY with the rows in the file or on the terminal, which needs psql",
    "write the rows as INSERT … VALUES",
);
