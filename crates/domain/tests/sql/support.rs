use ace_domain::sql::{File, Script, ScriptError, read};

pub fn file(text: &str) -> File {
    File {
        version: "1".parse().unwrap(),
        name: "change".to_owned(),
        file_name: "1_change.sql".to_owned(),
        sha256: String::new(),
        text: text.into(),
    }
}

pub fn try_script(text: &str) -> Result<Script, ScriptError> {
    read(&file(text))
}

pub fn script(text: &str) -> Script {
    try_script(text).unwrap()
}

pub fn sent(script: &Script) -> Vec<&str> {
    script
        .executable_statements()
        .map(|statement| statement.text.as_str())
        .collect()
}
