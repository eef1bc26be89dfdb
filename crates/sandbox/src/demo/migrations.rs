//! The project's migrations: a plan that waits for a person, a column that was added by hand, and a table that is dropped.

use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::error::{DemoError, ensure};
use super::http::text;
use super::stage::{Look, Stage, condition, is_current, named, sums_up};
use super::team::NAMESPACE;

/// The MigrationSet of the example.
const SET: &str = "main";
/// The function that waits for the newest migration.
const FIRST_FUNCTION: &str = "health";

const TABLE: &str = "public.mailing_imports";
/// A demo that was interrupted may have left the table.
const CREATE: &str =
    "create table if not exists public.mailing_imports (line integer primary key, address text not null);
alter table public.mailing_imports enable row level security;
";
const DROP: &str = "drop table public.mailing_imports;\n";

const ADD_BY_HAND: &str = "alter table public.campaigns add column if not exists budget_cents integer";
const PUT_BACK: &str = "alter table public.campaigns drop column budget_cents";
const ADDED: &str = "column/public.campaigns.budget_cents";

/// What is asked for takes two seconds; the interval, for what was missed, is 30 s.
const PATIENCE: Duration = Duration::from_secs(90);

/// A plan that waits for a person.
struct Asked {
    digest: String,
    message: String,
    /// Version, name and risks of each file.
    pending: Vec<String>,
}

/// The example's history on a database that may be new: it drops a column, so somebody has to say yes.
pub(super) async fn first(stage: &Stage, files: usize) -> Result<(), DemoError> {
    let screen = stage.screen;
    screen.chapter("The database: what loses data waits for a person");
    let began = Instant::now();
    let judge = |sets: &[Value]| {
        let set = named(sets, SET)?;
        is_asked(set, files)
            .map(Some)
            .or_else(|instead| is_applied(set, files).map(|()| None).map_err(|_| instead))
    };
    if let Some(asked) = stage.wait("migs", "migrations", &[SET], PATIENCE, judge).await? {
        show_plan(stage, &asked, began).await?;
        let waits = |functions: &[Value]| {
            let function = named(functions, FIRST_FUNCTION)?;
            let waits = condition(function, "Ready").1 == "WaitingForMigration";
            waits.then_some(()).ok_or_else(|| sums_up(function))
        };
        stage.wait("fn", "waiting", &[FIRST_FUNCTION], PATIENCE, waits).await?;
        stage.show(&format!("get fn {FIRST_FUNCTION}")).await?;
        screen.seen("functions wait for the migrations that they require");
        approve(stage, &asked, "the-project-is-new").await?;
    } else {
        screen.note("its plan was approved in an earlier demo in this directory");
    }
    applied(stage, files).await?;
    let began = Instant::now();
    stage.database.run(&stage.team.seed()?).await?;
    screen.done("a few rows to play with: supabase/seed.sql", began);
    Ok(())
}

/// A column that is in no file is named, and gone again once it is put back.
pub(super) async fn by_hand(stage: &Stage) -> Result<(), DemoError> {
    let screen = stage.screen;
    screen.chapter("4. Somebody adds a column by hand");
    sql(stage, ADD_BY_HAND).await?;
    let began = Instant::now();
    drifts(stage, "drift", |set| {
        let fields = set["status"]["drift"]["fields"].as_array();
        condition(set, "Drifted").0 == "True" && fields.into_iter().flatten().any(|field| field["path"] == ADDED)
    })
    .await?;
    stage.show(&format!("get migs {SET}")).await?;
    screen.done("named; SQL is not corrected behind anyone's back", began);
    stage.show_drift(&format!("migs {SET}")).await?;
    sql(stage, PUT_BACK).await?;
    let began = Instant::now();
    drifts(stage, "no drift", |set| {
        condition(set, "Drifted").1 == "NoDrift" && !set["status"]["drift"]["correctedTime"].is_null()
    })
    .await?;
    stage.show(&format!("get migs {SET}")).await?;
    screen.done("put back: the drift is gone", began);
    Ok(())
}

/// A new table is made unasked; to drop it again takes a yes.
pub(super) async fn dropping(stage: &Stage) -> Result<(), DemoError> {
    let screen = stage.screen;
    screen.chapter("5. A new migration runs by itself; one that drops a table waits");
    let began = Instant::now();
    let now = Timestamp::now();
    let file = format!("{}_mailing_imports.sql", now.strftime("%Y%m%d%H%M%S"));
    let files = add(stage, &file, CREATE).await?;
    applied(stage, files).await?;
    ensure(stage.database.has_table(TABLE).await?, || {
        format!("{file} is applied, and there is no {TABLE}")
    })?;
    screen.done(format_args!("{file} ran: a new table does no harm"), began);

    let began = Instant::now();
    // Versions are whole seconds, and what comes later must be higher.
    let file = format!(
        "{}_drop_mailing_imports.sql",
        (now + 1.second()).strftime("%Y%m%d%H%M%S")
    );
    let files = add(stage, &file, DROP).await?;
    let judge = |sets: &[Value]| is_asked(named(sets, SET)?, files);
    let asked = stage.wait("migs", "migrations", &[SET], PATIENCE, judge).await?;
    show_plan(stage, &asked, began).await?;
    ensure(stage.database.has_table(TABLE).await?, || {
        format!("nobody has approved that {TABLE} is dropped, and it is gone")
    })?;
    screen.seen(format_args!("nothing ran: {TABLE} is still there"));
    approve(stage, &asked, "imported-long-ago").await?;
    applied(stage, files).await?;
    ensure(!stage.database.has_table(TABLE).await?, || {
        format!("{file} is applied, and {TABLE} is still there")
    })?;
    screen.seen(format_args!("{TABLE} is dropped"));
    Ok(())
}

/// Adds a file to the team's repository and applies the ConfigMap; returns how many files there are.
async fn add(stage: &Stage, file: &str, sql: &str) -> Result<usize, DemoError> {
    stage.screen.note(format_args!("new: supabase/migrations/{file}"));
    stage.screen.answer(sql);
    stage.team.add_migration(file, sql)?;
    stage.apply_migrations().await
}

/// Runs a statement past the team's repository.
async fn sql(stage: &Stage, statement: &str) -> Result<(), DemoError> {
    stage
        .screen
        .command(&format!("psql \"$DATABASE_URL\" -c '{statement}'"));
    stage.database.run(statement).await?;
    stage.look_now(&format!("migs {SET}")).await
}

async fn drifts(stage: &Stage, what: &str, is: impl Fn(&Value) -> bool) -> Result<(), DemoError> {
    let judge = |sets: &[Value]| {
        let set = named(sets, SET)?;
        // Drift of a schema is no reason to say that the migrations are not applied.
        let seen = is_current(set) && condition(set, "Ready").0 == "True" && is(set);
        seen.then_some(()).ok_or_else(|| sums_up(set))
    };
    stage.wait("migs", what, &[SET], PATIENCE, judge).await
}

/// What is asked for, file by file.
async fn show_plan(stage: &Stage, asked: &Asked, began: Instant) -> Result<(), DemoError> {
    stage.show(&format!("get migs {SET}")).await?;
    stage.screen.done("Stalled: ApprovalRequired", began);
    stage.screen.answer(&asked.message);
    stage.screen.command(&format!(
        "kubectl --namespace {NAMESPACE} get migs {SET} -o jsonpath={{.status.plan.pending}}"
    ));
    stage.screen.answer(&asked.pending.join("\n"));
    Ok(())
}

/// Allows exactly this plan, as a person would.
async fn approve(stage: &Stage, asked: &Asked, reason: &str) -> Result<(), DemoError> {
    let patch = json!({"spec": {"approvals": [{"plan": asked.digest, "reason": reason}]}}).to_string();
    let line = format!("--namespace {NAMESPACE} patch migs {SET} --type merge --patch");
    stage.screen.command(&format!("kubectl {line} '{patch}'"));
    // Without white space in it, the patch is one word.
    stage.kubectl.run(&format!("{line} {patch}")).await.map(drop)
}

async fn applied(stage: &Stage, files: usize) -> Result<(), DemoError> {
    let began = Instant::now();
    let judge = |sets: &[Value]| is_applied(named(sets, SET)?, files);
    stage.wait("migs", "migrations", &[SET], PATIENCE, judge).await?;
    stage.show(&format!("get migs {SET}")).await?;
    stage
        .screen
        .done(format_args!("{files} of {files} migrations are applied"), began);
    Ok(())
}

/// The plan of these files waits for an approval.
fn is_asked(set: &Value, files: usize) -> Look<Asked> {
    let (stalled, reason, message) = condition(set, "Stalled");
    let plan = &set["status"]["plan"];
    let asked = is_about(set, files)
        && stalled == "True"
        && reason == "ApprovalRequired"
        && message.contains(text(&plan["digest"]))
        && plan["approvalRequired"] == true;
    let file = |file: &Value| {
        let risks = file["risks"].as_array().into_iter().flatten().map(text);
        let risks: Vec<&str> = risks.collect();
        let (version, name) = (text(&file["version"]), text(&file["name"]));
        format!("{version}  {name:<24} {}", risks.join(", "))
    };
    asked
        .then(|| Asked {
            digest: text(&plan["digest"]).to_owned(),
            message: message.to_owned(),
            pending: plan["pending"].as_array().into_iter().flatten().map(file).collect(),
        })
        .ok_or_else(|| sums_up(set))
}

/// These files are applied, all of them.
fn is_applied(set: &Value, files: usize) -> Look<()> {
    let status = &set["status"];
    let done = is_about(set, files)
        && condition(set, "Ready").0 == "True"
        && status["applied"] == files
        && status["pending"] == 0;
    done.then_some(()).ok_or_else(|| sums_up(set))
}

/// The status describes this spec and this many files.
fn is_about(set: &Value, files: usize) -> bool {
    is_current(set) && set["status"]["source"]["files"] == files
}
