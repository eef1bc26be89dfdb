//! Which hosts are a project's own by their names. They get its credentials without a flag of the operator.

use ace_api::Database;

/// Port of the direct connection and of the session pooler; 6543 is the pooler in transaction mode.
const SESSIONS: i32 = 5432;

/// Whether this is the gateway of the project. An origin is written as URLs normalise it: without the port of its scheme.
pub fn is_own_gateway(project: &str, origin: &str) -> bool {
    is_reference(project) && origin == format!("https://{project}.supabase.co")
}

/// Whether this is the database of the project: its direct connection, or a session pooler of Supabase's with a user whose name
/// ends with the project: by that name the pooler chooses the database.
pub fn is_own_database(project: &str, database: &Database) -> bool {
    let host = database.host.to_ascii_lowercase();
    let is_direct = || host == format!("db.{project}.supabase.co");
    let by_pooler = || is_pooler(&host) && is_user_of(project, &database.user);
    is_reference(project) && database.port == SESSIONS && (is_direct() || by_pooler())
}

/// Twenty lower-case letters, as the definition demands.
fn is_reference(project: &str) -> bool {
    project.len() == 20 && project.bytes().all(|letter| letter.is_ascii_lowercase())
}

fn is_pooler(host: &str) -> bool {
    let region = host.strip_suffix(".pooler.supabase.com");
    region.is_some_and(|region| {
        let is_part = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
        !region.is_empty() && region.bytes().all(is_part)
    })
}

fn is_user_of(project: &str, user: &str) -> bool {
    let role = user.strip_suffix(project).and_then(|role| role.strip_suffix('.'));
    role.is_some_and(|role| !role.is_empty())
}

#[cfg(test)]
mod tests {
    use ace_api::Database;
    use serde_json::json;

    use super::{is_own_database, is_own_gateway};

    const OWN: &str = "abcdefghijklmnopqrst";
    const OTHER: &str = "attackersownprojectx";

    #[test]
    fn a_gateway_is_the_projects_own_only_under_the_projects_name() {
        assert!(is_own_gateway(OWN, "https://abcdefghijklmnopqrst.supabase.co"));
        for origin in [
            "https://attackersownprojectx.supabase.co",
            "http://abcdefghijklmnopqrst.supabase.co",
            "https://abcdefghijklmnopqrst.supabase.co:8443",
            "https://abcdefghijklmnopqrst.supabase.co.",
            "https://abcdefghijklmnopqrst.supabase.co.evil.io",
            "https://x.abcdefghijklmnopqrst.supabase.co",
            "https://xabcdefghijklmnopqrst.supabase.co",
            "https://abcdefghijklmnopqrst.supabase.com",
            "https://supabase.co",
            "https://api.supabase.com",
            "https://db.abcdefghijklmnopqrst.supabase.co",
            "null",
            "",
        ] {
            assert!(!is_own_gateway(OWN, origin), "{origin}");
        }
        for project in ["", "evil.io/", "ABCDEFGHIJKLMNOPQRST", "abc"] {
            assert!(
                !is_own_gateway(project, &format!("https://{project}.supabase.co")),
                "{project}"
            );
        }
    }

    fn is_own(host: &str, port: i32, user: &str) -> bool {
        let password = json!({ "name": "database", "key": "password" });
        let database = json!({ "host": host, "port": port, "user": user, "passwordSecretRef": password });
        let database: Database = serde_json::from_value(database).unwrap();
        is_own_database(OWN, &database)
    }

    #[test]
    fn a_database_is_the_projects_own_at_its_own_host_or_at_a_pooler_with_a_user_of_the_project() {
        let pooler = "aws-0-us-east-1.pooler.supabase.com";
        let user = format!("postgres.{OWN}");
        for (host, port, user) in [
            ("db.abcdefghijklmnopqrst.supabase.co", 5432, "postgres"),
            ("DB.abcdefghijklmnopqrst.Supabase.co", 5432, "migrations"),
            (pooler, 5432, &user),
            ("AWS-1-eu-west-2.Pooler.supabase.com", 5432, &format!("ci.bot.{OWN}")),
        ] {
            assert!(is_own(host, port, user), "{user} at {host}:{port}");
        }
        for (host, port, user) in [
            ("db.attackersownprojectx.supabase.co", 5432, "postgres"),
            ("db.attackersownprojectx.supabase.co", 5432, &user),
            ("db.abcdefghijklmnopqrst.supabase.co", 6543, "postgres"),
            ("db.abcdefghijklmnopqrst.supabase.co", 443, "postgres"),
            ("db.abcdefghijklmnopqrst.supabase.co.", 5432, "postgres"),
            ("abcdefghijklmnopqrst.supabase.co", 5432, &user),
            ("x.db.abcdefghijklmnopqrst.supabase.co", 5432, "postgres"),
            ("db.abcdefghijklmnopqrst.supabase.co.evil.io", 5432, "postgres"),
            (pooler, 5432, "postgres"),
            (pooler, 5432, OWN),
            (pooler, 5432, &format!(".{OWN}")),
            (pooler, 5432, &format!("postgres{OWN}")),
            (pooler, 5432, &format!("postgres.{OTHER}")),
            (pooler, 5432, &format!("postgres.{OWN}.{OTHER}")),
            (pooler, 6543, &user),
            (".pooler.supabase.com", 5432, &user),
            ("pooler.supabase.com", 5432, &user),
            ("evil.io/.pooler.supabase.com", 5432, &user),
            ("aws-0-us-east-1.pooler.supabase.com.evil.io", 5432, &user),
            ("evilpooler.supabase.com", 5432, &user),
            ("127.0.0.1", 5432, &user),
        ] {
            assert!(!is_own(host, port, user), "{user} at {host}:{port}");
        }
    }
}
