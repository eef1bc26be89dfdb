//! What must be seen of a command, and whether it is.

use serde_json::Value;

use super::environment::Environment;

/// Something that must be seen.
#[derive(Debug, PartialEq)]
pub(super) struct Expectation {
    /// As the step file has it.
    pub(super) text: String,
    pub(super) subject: Subject,
    pub(super) test: Test,
}

#[derive(Debug, PartialEq)]
pub(super) enum Subject {
    /// The output, but for white space around it.
    Output,
    Status,
    /// How many objects are printed.
    Count,
    /// A field of the object with that name, or of each object.
    Field {
        object: Option<String>,
        path: Path,
    },
}

/// What it has to be, and unless it must be absent it has to be there. Texts may hold names of the environment, `$NAME`; one
/// that begins with `.` is a path in the same object.
#[derive(Debug, PartialEq)]
pub(super) enum Test {
    Is(Vec<String>),
    IsNot(String),
    Contains(String),
    Lacks(String),
    Exists,
    IsAbsent,
}

/// `.status.drift.fields[path=spec].found`: keys, and in brackets what an entry of a list has (`=`) or begins with (`^=`). A
/// list stands for each of its entries. `Ready` and `Ready.reason` are fields of the condition of that type.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Path(Vec<Segment>);

#[derive(Debug, Clone, PartialEq)]
enum Segment {
    Key(String),
    Where { key: String, begins: bool, text: String },
}

/// What a command showed.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) output: String,
    /// As curl says it.
    pub(super) status: String,
    pub(super) objects: Vec<Value>,
}

/// An expectation that does not hold.
#[derive(Debug, PartialEq)]
pub(super) struct Unmet {
    pub(super) expected: String,
    pub(super) instead: String,
}

impl Expectation {
    pub(super) fn is_of_objects(&self) -> bool {
        matches!(self.subject, Subject::Count | Subject::Field { .. })
    }
}

impl Path {
    pub(super) fn parse(text: &str) -> Option<Path> {
        if text.starts_with(|first: char| first.is_ascii_uppercase()) {
            let (condition, field) = text.split_once('.').unwrap_or((text, "status"));
            return Path::parse(&format!(".status.conditions[type={condition}].{field}"));
        }
        let mut segments = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                let (filter, after) = inside.split_once(']')?;
                let (key, text) = filter.split_once('=')?;
                segments.push(Segment::Where {
                    key: key.trim_end_matches('^').to_owned(),
                    begins: key.ends_with('^'),
                    text: text.to_owned(),
                });
                rest = after;
            } else {
                let inside = rest.strip_prefix('.')?;
                let (key, after) = inside.split_at(inside.find(['.', '[']).unwrap_or(inside.len()));
                if key.is_empty() {
                    return None;
                }
                segments.push(Segment::Key(key.to_owned()));
                rest = after;
            }
        }
        (!segments.is_empty()).then_some(Path(segments))
    }

    /// All that it finds, with a space between.
    pub(super) fn find(&self, object: &Value) -> String {
        let mut found = vec![object];
        for segment in &self.0 {
            found = match segment {
                Segment::Key(key) => found
                    .iter()
                    .filter_map(|value| value.get(key))
                    .flat_map(entries)
                    .collect(),
                Segment::Where { key, begins, text } => {
                    let fits = |entry: &&Value| {
                        let value = print(&entry[key]);
                        if *begins {
                            value.starts_with(text)
                        } else {
                            value == *text
                        }
                    };
                    found.into_iter().filter(fits).collect()
                }
            };
        }
        found.into_iter().map(print).collect::<Vec<_>>().join(" ")
    }
}

fn entries(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(entries) => entries,
        one => std::slice::from_ref(one),
    }
}

/// A text as it is; what is not there is the empty text.
fn print(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The objects of a list, or the one object.
pub(super) fn objects(printed: &str) -> Result<Vec<Value>, Unmet> {
    let mut value: Value = serde_json::from_str(printed).map_err(|error| Unmet {
        expected: "JSON".to_owned(),
        instead: format!("{error}: {}", printed.trim()),
    })?;
    Ok(match value["items"].take() {
        Value::Array(items) => items,
        _ => entries(&value).to_vec(),
    })
}

/// Fails with the first expectation that does not hold.
pub(super) fn judge(expectations: &[&Expectation], seen: &Seen, environment: &Environment) -> Result<(), Unmet> {
    for Expectation { text, subject, test } in expectations {
        let output = seen.output.trim();
        let is = |found: &str| test.holds(found, |text| environment.expand(text));
        let outcome = match subject {
            Subject::Output => is(output).then_some(()).ok_or_else(|| output.to_owned()),
            Subject::Status => is(&seen.status)
                .then_some(())
                .ok_or_else(|| format!("{} {output}", seen.status)),
            Subject::Count => {
                let count = seen.objects.len();
                is(&count.to_string())
                    .then_some(())
                    .ok_or_else(|| format!("{count} objects"))
            }
            Subject::Field { object, path } => {
                let name = object.as_ref().map(|name| environment.expand(name));
                field(seen, name.as_deref(), path, test, environment)
            }
        };
        outcome.map_err(|instead| Unmet {
            expected: environment.expand(text),
            instead,
        })?;
    }
    Ok(())
}

/// Says what is there instead where it is not so in the one object, or in one of all.
fn field(seen: &Seen, name: Option<&str>, path: &Path, test: &Test, environment: &Environment) -> Result<(), String> {
    let is_meant = |object: &&Value| name.is_none_or(|name| object["metadata"]["name"] == name);
    let meant: Vec<&Value> = seen.objects.iter().filter(is_meant).collect();
    let unmet = |object: &&&Value| {
        let value = |text: &str| match text.starts_with('.').then(|| Path::parse(text)).flatten() {
            Some(path) => path.find(object),
            None => environment.expand(text),
        };
        !is_current(object) || !test.holds(&path.find(object), value)
    };
    let others: Vec<&Value> = meant.iter().filter(unmet).copied().collect();
    match (&meant[..], &others[..]) {
        ([], _) => Err(format!("{} is not there", name.unwrap_or("an object"))),
        (_, []) => Ok(()),
        ([one], _) if !is_current(one) => Err("its status does not describe its generation yet".to_owned()),
        ([one], _) => Err(format!("{:?}{}", path.find(one), sum_up(one))),
        (all, others) => Err(count(all.len(), others)),
    }
}

impl Test {
    /// `value` says what a text of the step file stands for.
    fn holds(&self, found: &str, value: impl Fn(&str) -> String) -> bool {
        match self {
            Test::IsAbsent => found.is_empty(),
            Test::Lacks(text) => !found.contains(&value(text)),
            _ if found.is_empty() => false,
            Test::Is(texts) => texts.iter().any(|text| found == value(text)),
            Test::IsNot(text) => found != value(text),
            Test::Contains(text) => Some(value(text)).is_some_and(|text| !text.is_empty() && found.contains(&text)),
            Test::Exists => true,
        }
    }
}

/// Whether the status describes the spec as it is now. An object without a generation has nothing to describe.
fn is_current(object: &Value) -> bool {
    let generation = &object["metadata"]["generation"];
    generation.is_null() || object["status"]["observedGeneration"] == *generation
}

fn condition(object: &Value, field: &str) -> String {
    Path::parse(field).map_or_else(String::new, |path| path.find(object))
}

/// `; Ready=False (RolledBack): check …`, for an object that has such a condition.
fn sum_up(object: &Value) -> String {
    match &condition(object, "Ready")[..] {
        "" => String::new(),
        ready => format!(
            "; Ready={ready} ({}): {}",
            condition(object, "Ready.reason"),
            condition(object, "Ready.message")
        ),
    }
}

/// `5 of 13; 6 WaitingForWave, 2 Deploying`.
fn count(all: usize, others: &[&Value]) -> String {
    let mut reasons = std::collections::BTreeMap::<String, usize>::new();
    for object in others {
        let reason = match &condition(object, "Ready")[..] {
            "" | "True" => "not yet".to_owned(),
            _ => condition(object, "Ready.reason"),
        };
        *reasons.entry(reason).or_default() += 1;
    }
    let reasons: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    let stalled = others.iter().find(|object| condition(object, "Stalled") == "True");
    let stalled = stalled.map(|object| {
        format!(
            "; {}: {}",
            print(&object["metadata"]["name"]),
            condition(object, "Stalled.message")
        )
    });
    format!(
        "{} of {all}; {}{}",
        all - others.len(),
        reasons.join(", "),
        stalled.unwrap_or_default()
    )
}
