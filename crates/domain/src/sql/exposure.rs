//! What lets more people read or change rows than before: roles, privileges, policies, views.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SyntaxKind, SyntaxNode, match_ast};

use super::effect::{Effect, Granted, Name, PUBLIC};
use super::names::{first_name, has_word, name, name_of, relations, tokens};
use super::origin::given;
use super::policies::{altered_policy, loosens, policy};
use super::risk::RiskClass;

/// Roles that everybody who calls the API has.
pub(super) const CALLERS: [&str; 3] = ["anon", "authenticated", "public"];
/// Settings by which requests of the API become other roles or reach other schemas.
const ROLE_SETTINGS: [&str; 4] = ["role", "session_authorization", "search_path", "row_security"];

pub(super) fn exposure(node: &SyntaxNode, take: &mut dyn FnMut(Effect)) {
    match_ast! { match node {
        ast::RoleOptionList(it) => role_options(&it, take),
        ast::Grant(it) => grant(&it, take),
        ast::Revoke(it) => revoke(&it, take),
        ast::AlterDefaultPrivileges(_) => default_privileges(node, take),
        ast::AddUsers(_) => {
            let group = node.parent().map(|it| role_of(&it)).unwrap_or_default();
            callers(node).for_each(|to| take(exposed(format!("grants role {group} to {to}"))));
        },
        ast::OwnerTo(_) => {
            let what = node.parent().map(|it| first_child_name(&it)).unwrap_or_default();
            callers(node).for_each(|to| take(exposed(format!("makes {to} the owner of {what}"))));
        },
        ast::Reassign(_) => {
            let to = node.children().filter(|it| it.kind() == SyntaxKind::ROLE_REF_LIST).last();
            to.iter().flat_map(callers).for_each(|to| {
                take(exposed(format!("makes {to} the owner of what another role owns")));
            });
        },
        ast::NamedSchema(_) => callers(node).for_each(|to| take(exposed(format!("makes {to} the owner of a schema")))),
        ast::SetConfigParam(_) => role_setting(node, take),
        ast::CreatePolicy(it) => policy("creates", node, &first_name(it.policy()), take),
        ast::AlterPolicy(it) => altered_policy(&it, take),
        ast::DropPolicy(it) => loosens("drops", node, &first_name(it.policy_ref()), take),
        ast::CreateView(it) => if !matches!(it.persistence(), Some(ast::Persistence::Temp(_))) {
            take(Effect::Views {
                view: first_name(it.view()),
                invoker: invoker(node).unwrap_or(false),
                reads: it.query().map(|it| given(it.syntax())).unwrap_or_default(),
                stored: false,
            });
        },
        ast::CreateMaterializedView(it) => take(Effect::Views {
            view: first_name(it.view()),
            invoker: false,
            reads: it.query().map(|it| given(it.syntax())).unwrap_or_default(),
            stored: true,
        }),
        ast::AlterView(it) => altered_view(node, &first_name(it.view_ref()), take),
        ast::AlterMaterializedView(it) => altered_view(node, &first_name(it.view_ref()), take),
        ast::ImportForeignSchema(it) => {
            let into = first_name(it.into_schema().and_then(|it| it.schema_ref()));
            if into.name == PUBLIC {
                take(exposed("imports foreign tables into schema public, which have no row level security".to_owned()));
            }
        },
        ast::DropEventTrigger(_) => take(Effect::StopsEventTrigger(trigger_of(node))),
        ast::AlterEventTrigger(_) => if has_word(node, "disable") {
            take(Effect::StopsEventTrigger(trigger_of(node)));
        },
        _ => {},
    } }
}

fn role_options(options: &ast::RoleOptionList, take: &mut dyn FnMut(Effect)) {
    let role = options.syntax().parent().map(|it| role_of(&it)).unwrap_or_default();
    for (word, says) in [
        ("bypassrls", "may bypass row level security"),
        ("superuser", "is a superuser"),
        ("createrole", "may create roles"),
        ("replication", "may read every change"),
    ] {
        if has_word(options.syntax(), word) {
            take(exposed(format!("role {role} {says}")));
        }
    }
    // `CREATE ROLE r ROLE anon` makes anon a member, `IN ROLE anon` makes r one.
    let mut given = false;
    let words: Vec<_> = tokens(options.syntax())
        .filter(|token| !token.kind().is_trivia())
        .map(|token| token.text().trim_matches('"').to_ascii_lowercase())
        .collect();
    for (at, word) in words.iter().enumerate() {
        let keyword = matches!(
            word.as_str(),
            "role" | "user" | "admin" | "group" | "in" | "password" | "valid"
        );
        if keyword {
            let before = at.checked_sub(1).and_then(|at| words.get(at)).map(String::as_str);
            given = word != "in" && before != Some("in") && word != "password" && word != "valid";
        } else if given && CALLERS.contains(&word.as_str()) {
            take(exposed(format!("grants role {role} to {word}")));
        }
    }
}

/// Row security decides over tables of `public`: on Supabase every caller has all privileges on them by default.
fn grant(grant: &ast::Grant, take: &mut dyn FnMut(Effect)) {
    let node = grant.syntax();
    let granted = grant
        .privileges()
        .map(|it| it.syntax().text().to_string())
        .unwrap_or_default();
    let granted = granted.trim();
    let to: Vec<_> = receivers(node).collect();
    let Some(on) = grant.on_privilege_objects_clause() else {
        for to in to {
            take(exposed(format!("grants role {granted} to {to}")));
        }
        return;
    };
    let on = objects(on.syntax(), granted);
    for to in to {
        for on in &on {
            take(Effect::Grants {
                on: on.clone(),
                to: to.clone(),
            });
        }
    }
}

fn revoke(revoke: &ast::Revoke, take: &mut dyn FnMut(Effect)) {
    let Some(on) = revoke.on_privilege_objects_clause() else {
        return;
    };
    for on in objects(on.syntax(), "") {
        for from in receivers(revoke.syntax()) {
            take(Effect::Revokes { on: on.clone(), from });
        }
    }
}

fn objects(on: &SyntaxNode, granted: &str) -> Vec<Granted> {
    let of = |kind: SyntaxKind| {
        on.descendants()
            .filter(move |it| it.kind() == kind)
            .map(|it| name_of(&it))
    };
    let has = |words: &[&str]| words.iter().any(|word| has_word(on, word));
    let schemas = |what: &'static str| {
        of(SyntaxKind::SCHEMA_REF)
            .map(move |it| Granted::Schema(it.name, what))
            .collect()
    };
    let creates = granted.to_ascii_lowercase().contains("create");
    let functions = has(&[
        "function",
        "procedure",
        "routine",
        "functions",
        "procedures",
        "routines",
    ]);
    match () {
        () if has(&["all"]) && functions => schemas("every function"),
        () if has(&["all"]) && has(&["tables"]) => schemas("every table"),
        () if functions => of(SyntaxKind::FUNCTION_NAME_REF)
            .chain(of(SyntaxKind::PROCEDURE_NAME_REF))
            .chain(of(SyntaxKind::ROUTINE_NAME_REF))
            .map(Granted::Routine)
            .collect(),
        () if has(&["schema"]) && !has(&["sequences"]) => schemas(if creates { "the right to create" } else { "what" }),
        () if has(&["sequence", "sequences", "type", "domain", "language", "database"]) => Vec::new(),
        () => relations(on).into_iter().map(Granted::Relation).collect(),
    }
}

fn default_privileges(node: &SyntaxNode, take: &mut dyn FnMut(Effect)) {
    let Some(grant) = node.children().find_map(ast::GrantDefaultPrivileges::cast) else {
        return;
    };
    let within = |node: &SyntaxNode| {
        let schemas = node.descendants().filter(|it| it.kind() == SyntaxKind::SCHEMA_REF);
        schemas.map(|it| name_of(&it).name).collect::<Vec<_>>()
    };
    let schemas = node
        .children()
        .filter_map(ast::InSchemas::cast)
        .flat_map(|it| within(it.syntax()));
    let schemas: Vec<_> = schemas.collect();
    // It has them from the start.
    if !schemas.is_empty() && schemas.iter().all(|schema| schema == PUBLIC) {
        return;
    }
    for to in receivers(grant.syntax()) {
        take(exposed(format!("grants {to} privileges on what will be created")));
    }
}

fn role_setting(node: &SyntaxNode, take: &mut dyn FnMut(Effect)) {
    let Some(statement) = node.parent() else { return };
    if !matches!(
        statement.kind(),
        SyntaxKind::ALTER_ROLE | SyntaxKind::ALTER_USER | SyntaxKind::ALTER_DATABASE
    ) {
        return;
    }
    let parameter = name_of(node);
    let everybody = statement.kind() == SyntaxKind::ALTER_DATABASE || has_word(&statement, "all");
    let role = role_of(&statement);
    let callers = everybody || role == "authenticator" || CALLERS.contains(&role.as_str());
    let reaches = parameter.schema.as_deref() == Some("pgrst") || ROLE_SETTINGS.contains(&parameter.name.as_str());
    if callers && reaches {
        let of = if everybody {
            "every role".to_owned()
        } else {
            format!("role {role}")
        };
        take(exposed(format!("sets {parameter} of {of}")));
    }
}

fn altered_view(node: &SyntaxNode, view: &Name, take: &mut dyn FnMut(Effect)) {
    let renamed = node.descendants().find(|it| it.kind() == SyntaxKind::VIEW_RENAME_TO);
    if let Some(renamed) = renamed.and_then(ast::ViewRenameTo::cast) {
        let to = Name {
            schema: view.schema.clone(),
            name: first_name(renamed.view()).name,
        };
        take(Effect::Renames(view.clone(), to));
    }
    if let Some(schema) = node.descendants().find(|it| it.kind() == SyntaxKind::SET_SCHEMA) {
        let schema = schema.descendants().find(|it| it.kind() == SyntaxKind::SCHEMA_REF);
        let to = Name {
            schema: schema.map(|it| name_of(&it).name),
            name: view.name.clone(),
        };
        take(Effect::Renames(view.clone(), to));
    }
    if let Some(invoker) = invoker(node) {
        take(Effect::SetsInvoker {
            view: view.clone(),
            invoker,
        });
    }
}

/// What a statement says of `security_invoker`.
fn invoker(node: &SyntaxNode) -> Option<bool> {
    let option = node.descendants().find(|it| {
        let named = it.children().find(|it| it.kind() == SyntaxKind::ATTRIBUTE_NAME);
        it.kind() == SyntaxKind::ATTRIBUTE_OPTION && named.is_some_and(|it| name_of(&it).name == "security_invoker")
    })?;
    let reset = node.descendants().any(|it| it.kind() == SyntaxKind::RESET_OPTIONS);
    let off = ["off", "false", "0", "no"].iter().any(|word| has_word(&option, word));
    Some(!reset && !off)
}

fn first_child_name(node: &SyntaxNode) -> Name {
    node.children().next().map(|it| name_of(&it)).unwrap_or_default()
}

fn trigger_of(node: &SyntaxNode) -> String {
    let trigger = node.children().find(|it| it.kind() == SyntaxKind::EVENT_TRIGGER_REF);
    trigger.map(|it| name_of(&it).name).unwrap_or_default()
}

fn role_of(node: &SyntaxNode) -> String {
    let role = node
        .children()
        .find(|it| matches!(it.kind(), SyntaxKind::ROLE | SyntaxKind::ROLE_REF));
    role.map(|it| name_of(&it).name).unwrap_or_default()
}

/// The callers' roles behind `TO`; before it there may be roles that are granted.
fn receivers(grant: &SyntaxNode) -> impl Iterator<Item = String> {
    let lists = grant.children().filter(|it| it.kind() == SyntaxKind::ROLE_REF_LIST);
    lists.flat_map(|it| callers(&it).collect::<Vec<_>>())
}

/// The callers' roles in it.
pub(super) fn callers(node: &SyntaxNode) -> impl Iterator<Item = String> {
    let roles = node.descendants().filter(|it| it.kind() == SyntaxKind::ROLE_NAME_REF);
    let names = roles.map(|it| name(&ast::RoleNameRef::cast(it).expect("its kind was compared")).name);
    names.filter(|name| CALLERS.contains(&name.as_str()))
}

pub(super) fn exposed(says: String) -> Effect {
    Effect::Risk(RiskClass::Exposure, says)
}
