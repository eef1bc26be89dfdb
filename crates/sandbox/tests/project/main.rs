//! The database of the bed is what migrations find in a project.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod extensions;
mod fresh;

use ace_sandbox::bed::testing;
use tokio_postgres::{AsyncMessage, Client, NoTls, SimpleQueryMessage};

/// A fresh project's database, and a session of `postgres` there.
struct Project {
    postgres: Client,
    notified: tokio::sync::mpsc::UnboundedReceiver<String>,
}

impl Project {
    async fn new(name: &str) -> Project {
        // What a database is prepared with names roles, which all of them share.
        static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let one = ONE.lock().await;
        let url = testing::shared().make_database(name).await.unwrap();
        drop(one);
        let (postgres, mut connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        let (sender, notified) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(notification) = message {
                    let _ = sender.send(format!("{} {}", notification.channel(), notification.payload()));
                }
            }
        });
        Project { postgres, notified }
    }

    /// Rows of the last statement, columns between `|`.
    async fn rows(&self, sql: &str) -> Vec<String> {
        let messages = self.postgres.simple_query(sql).await;
        let messages = messages.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let columns = |row: &tokio_postgres::SimpleQueryRow| -> Vec<String> {
            let column = |index| row.try_get(index).unwrap().unwrap_or_default().to_owned();
            (0..row.len()).map(column).collect()
        };
        messages
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(columns(row).join("|")),
                _ => None,
            })
            .collect()
    }

    /// SQLSTATE and words by which the server refuses.
    async fn refusal(&self, sql: &str) -> String {
        let error = self.postgres.simple_query(sql).await.expect_err(sql);
        let error = error.as_db_error().unwrap();
        format!("{} {}", error.code().code(), error.message())
    }
}
