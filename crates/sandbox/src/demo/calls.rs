//! Functions that answer.

use reqwest::Method;
use serde_json::{Value, json};

use super::error::{DemoError, ensure};
use super::http::{Answer, Caller};
use super::stage::Stage;

/// Most characters of an answer that are shown.
const SHOWN: usize = 96;

/// A call, and what its answer has to be.
struct Call {
    method: Method,
    rest: &'static str,
    caller: Caller,
    body: Option<Value>,
    statuses: &'static [u16],
    says: &'static str,
}

/// Calls some functions of the example, and shows what they say.
pub(super) async fn some(stage: &Stage) -> Result<(), DemoError> {
    stage.screen.chapter("The functions answer");
    let address = &stage.bed.functions_url;
    stage.screen.note(format_args!(
        "F={address}/functions/v1, S=the project's service role key"
    ));
    let get = |rest, caller, statuses, says| Call {
        method: Method::GET,
        rest,
        caller,
        body: None,
        statuses,
        says,
    };
    let lead = json!({"purl": "ADA-2026", "full_name": "Ada Lovelace", "email": "ada@example.com", "consent": true});
    let calls = [
        get("health", Caller::Nobody, &[200], "\"database\":\"up\""),
        get("handle-purl/ADA-2026", Caller::Nobody, &[200], "Hello Ada!"),
        Call {
            method: Method::POST,
            rest: "submit-lead-form",
            caller: Caller::Nobody,
            body: Some(lead),
            // 200 where Ada was here before.
            statuses: &[201, 200],
            says: "",
        },
        get("gift-card-inventory", Caller::Nobody, &[401], ""),
        get("gift-card-inventory", Caller::Service, &[200], "Book Harbour"),
        get(
            "evaluate-conditions?recipient=40000000-0000-4000-8000-000000000002",
            Caller::Service,
            &[200],
            "\"met\":true",
        ),
    ];
    for call in calls {
        one(stage, call).await?;
    }
    Ok(())
}

/// Calls a function with GET, shows it, and returns what it said.
pub(super) async fn get(stage: &Stage, rest: &str, caller: Caller) -> Result<Answer, DemoError> {
    show(stage, &Method::GET, rest, caller, None).await
}

async fn one(stage: &Stage, call: Call) -> Result<(), DemoError> {
    let Call {
        method,
        rest,
        caller,
        body,
        statuses,
        says,
    } = call;
    let answer = show(stage, &method, rest, caller, body).await?;
    let fits = statuses.contains(&answer.status) && answer.body.contains(says);
    ensure(fits, || {
        format!(
            "{method} {rest} answered {}, not {statuses:?} with {says:?}",
            answer.status
        )
    })
}

async fn show(
    stage: &Stage,
    method: &Method,
    rest: &str,
    caller: Caller,
    body: Option<Value>,
) -> Result<Answer, DemoError> {
    let data = if body.is_some() { "--json '{…}' " } else { "" };
    let token = match caller {
        Caller::Nobody => "",
        Caller::Service => "-H \"Authorization: Bearer $S\" ",
    };
    stage.screen.command(&format!("curl {data}{token}\"$F/{rest}\""));
    let answer = stage.project.call(method.clone(), rest, caller, body).await?;
    stage
        .screen
        .answer(&format!("{}  {}", answer.status, gist(&answer.body)));
    Ok(answer)
}

/// The text of an answer on one line, without a page's markup.
fn gist(body: &str) -> String {
    let mut text = String::new();
    let mut skip = 0_u32;
    let page = body
        .contains("<body")
        .then(|| &body[body.find("<body").unwrap_or_default()..]);
    for character in page.unwrap_or(body).chars() {
        match character {
            '<' if page.is_some() => skip += 1,
            '>' if skip > 0 => {
                skip -= 1;
                text.push(' ');
            }
            _ if skip == 0 => text.push(character),
            _ => {}
        }
    }
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(SHOWN) {
        words.truncate(end);
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::gist;

    #[test]
    fn a_page_is_shown_by_its_words() {
        let page = "<html><head><title>x</title></head><body>\n<h1>Hello Ada!</h1>\n<p>A gift.</p></body></html>";
        assert_eq!(gist(page), "Hello Ada! A gift.");
        assert_eq!(gist("a < b\nc"), "a < b c");
    }
}
