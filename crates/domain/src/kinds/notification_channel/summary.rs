//! A rule's own words, with what was found in them: `{labels.brand}: {value} cards left`. Admission knows the names.

use ace_api::Severity;

/// What the names stand for.
pub(super) struct Values<'a> {
    pub value: Option<&'a str>,
    pub threshold: Option<&'a str>,
    pub severity: Severity,
    pub since: String,
    pub rule: &'a str,
    pub platform: &'a str,
    pub label: &'a dyn Fn(&str) -> Option<&'a str>,
}

/// The text of a summary. What is not known is a question mark.
pub(super) fn summary(template: &str, values: &Values) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            text.push('{');
            rest = after;
            continue;
        };
        let (name, form) = name.split_once('|').unwrap_or((name, ""));
        match found(name, values) {
            Some(value) => text.push_str(&written(&value, form)),
            None => text.push('?'),
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

fn found(name: &str, values: &Values) -> Option<String> {
    match name {
        "value" => values.value.map(str::to_owned),
        "threshold" => values.threshold.map(str::to_owned),
        "severity" => Some(values.severity.as_str().to_owned()),
        "since" => Some(values.since.clone()),
        "rule" => Some(values.rule.to_owned()),
        "platform" => Some(values.platform.to_owned()),
        other => (values.label)(other.strip_prefix("labels.")?).map(str::to_owned),
    }
}

/// A number as people read it; what is none stays as it is.
fn written(value: &str, form: &str) -> String {
    let Some(number) = value.parse::<f64>().ok().filter(|number| number.is_finite()) else {
        return value.to_owned();
    };
    match form {
        "percent" => format!("{} %", rounded(number * 100.0)),
        "fixed2" => format!("{number:.2}"),
        "bytes" => scaled(
            number,
            &[(1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1_024.0, "KiB")],
            "B",
        ),
        "duration" => scaled(number, &[(86_400.0, "d"), (3_600.0, "h"), (60.0, "min")], "s"),
        _ => value.to_owned(),
    }
}

fn scaled(number: f64, units: &[(f64, &str)], smallest: &str) -> String {
    let unit = units.iter().find(|(size, _)| number.abs() >= *size);
    let (size, unit) = unit.copied().unwrap_or((1.0, smallest));
    format!("{} {unit}", rounded(number / size))
}

/// One digit behind the point, where it says something.
fn rounded(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use ace_api::Severity;

    use super::{Values, summary};

    fn rendered(template: &str, value: &str) -> String {
        let label = |name: &str| (name == "brand").then_some("{value} & Co");
        summary(
            template,
            &Values {
                value: Some(value),
                threshold: None,
                severity: Severity::Error,
                since: "2026-11-23T10:14:00Z".to_owned(),
                rule: "cards",
                platform: "prod",
                label: &label,
            },
        )
    }

    #[test]
    fn names_in_braces_stand_for_what_was_found_and_what_was_found_for_itself() {
        let all = "{labels.brand}: {value} left, {threshold} wanted; {severity} of {rule} on {platform} since {since}{labels.x}";
        let expected = "{value} & Co: 7 left, ? wanted; error of cards on prod since 2026-11-23T10:14:00Z?";
        assert_eq!(rendered(all, "7"), expected);
        assert_eq!(rendered("no names", "7"), "no names");
        assert_eq!(rendered("open { value", "7"), "open { value");
    }

    #[test]
    fn numbers_are_written_as_people_read_them() {
        for (template, value, expected) in [
            ("{value|percent}", "0.953", "95.3 %"),
            ("{value|percent}", "1", "100 %"),
            ("{value|fixed2}", "3.14159", "3.14"),
            ("{value|bytes}", "512", "512 B"),
            ("{value|bytes}", "1610612736", "1.5 GiB"),
            ("{value|duration}", "45", "45 s"),
            ("{value|duration}", "5400", "1.5 h"),
            ("{value|duration}", "-120", "-2 min"),
            ("{value|bytes}", "many", "many"),
        ] {
            assert_eq!(rendered(template, value), expected, "{template} {value}");
        }
    }
}
