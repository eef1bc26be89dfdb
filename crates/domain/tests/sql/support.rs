use ace_domain::sql::{Catalogue, File, Risk, RiskClass, Script, ScriptError, assess, read};

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

/// The risks of files that run one after another; each can be read.
pub fn risks_of(catalogue: &Catalogue, texts: &[&str]) -> Vec<Risk> {
    let scripts: Vec<_> = texts.iter().map(|text| script(text)).collect();
    assert!(scripts.iter().all(|script| script.unread.is_empty()), "{texts:?}");
    let risks = assess(&scripts.iter().collect::<Vec<_>>(), catalogue);
    risks.into_iter().flatten().collect()
}

/// What those of one class say.
pub fn said(catalogue: &Catalogue, texts: &[&str], class: RiskClass) -> Vec<String> {
    let risks = risks_of(catalogue, texts).into_iter();
    risks.filter(|risk| risk.class == class).map(|risk| risk.says).collect()
}

pub fn losses_in(catalogue: &Catalogue, texts: &[&str]) -> Vec<String> {
    said(catalogue, texts, RiskClass::DataLoss)
}

pub fn losses(texts: &[&str]) -> Vec<String> {
    losses_in(&Catalogue::default(), texts)
}
