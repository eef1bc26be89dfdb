use ace_domain::sql::{Alone, Statement};

use super::{Progress, Run, RunError, index::Index, journal::Noted};

/// Whether a statement still has to run.
#[derive(Eq, PartialEq)]
enum Work {
    Done,
    Open,
}

impl Run<'_> {
    /// Runs a statement that can't run in a transaction, or detects that an earlier run did. `step` is the journal's row of an
    /// interrupted run. After a failure its remains are dropped and its row deleted; if that is not possible now, the next run
    /// does it.
    pub(super) async fn alone(
        &self,
        number: usize,
        statement: &Statement,
        alone: &Alone,
        step: Option<&Noted>,
    ) -> Result<(), RunError> {
        let foreign = match step {
            Some(step) => step.indexes.clone(),
            None => self.before(alone).await?,
        };
        let worked = async {
            if step.is_some() && self.recover(alone, &foreign).await? == Work::Done {
                return Ok(());
            }
            self.refuse(alone, &foreign).await?;
            if step.is_none() {
                self.start(number, &foreign).await?;
            }
            (self.watcher)(Progress::Statement { line: statement.line });
            self.send_alone(&statement.text, Some(statement)).await?;
            self.prove(alone, &foreign).await
        };
        let worked = worked.await;
        if let Err(error) = &worked {
            // Without the lock another session may be running it.
            let clean = !error.ended() && *error != RunError::LockLost;
            if clean && matches!(self.recover(alone, &foreign).await, Ok(Work::Open)) {
                // A row that stays is handled by the next run.
                let _ = self.forget(number).await;
            }
        }
        worked
    }

    /// Indexes that look like the remains of this statement, but existed before it began.
    async fn before(&self, alone: &Alone) -> Result<Vec<u32>, RunError> {
        let oid = |index: Index| index.oid;
        Ok(match alone {
            Alone::CreateIndex {
                schema, table, name, ..
            } => self
                .index_beside(schema.as_deref(), table, name)
                .await?
                .into_iter()
                .map(oid)
                .collect(),
            Alone::DropIndex { schema, name, .. } => self
                .index(schema.as_deref(), name)
                .await?
                .into_iter()
                .map(oid)
                .collect(),
            Alone::Reindex { schema, name, .. } => self
                .leftovers(schema.as_deref(), name)
                .await?
                .into_iter()
                .map(oid)
                .collect(),
            Alone::Vacuum | Alone::AlterSystem => Vec::new(),
        })
    }

    /// The state of a statement that began, by the catalogue: done, or to be repeated after its remains are dropped.
    async fn recover(&self, alone: &Alone, foreign: &[u32]) -> Result<Work, RunError> {
        match alone {
            Alone::CreateIndex {
                schema, table, name, ..
            } => {
                let index = self.index_beside(schema.as_deref(), table, name).await?;
                match index.filter(|index| index.on_table && !foreign.contains(&index.oid)) {
                    Some(index) if index.valid => return Ok(Work::Done),
                    Some(index) => self.drop_index(&index).await?,
                    None => {}
                }
            }
            // An index of that name that was created later is another one.
            Alone::DropIndex { .. } if !foreign.is_empty() && !self.any_exists(foreign).await? => {
                return Ok(Work::Done);
            }
            Alone::Reindex { schema, name, .. } => {
                for index in self.leftovers(schema.as_deref(), name).await? {
                    if !foreign.contains(&index.oid) {
                        self.drop_index(&index).await?;
                    }
                }
            }
            Alone::DropIndex { .. } | Alone::Vacuum | Alone::AlterSystem => {}
        }
        Ok(Work::Open)
    }

    /// An INVALID index would be taken for success by `IF NOT EXISTS`.
    async fn refuse(&self, alone: &Alone, foreign: &[u32]) -> Result<(), RunError> {
        let Alone::CreateIndex {
            schema,
            table,
            name,
            if_not_exists: true,
        } = alone
        else {
            return Ok(());
        };
        match self.index_beside(schema.as_deref(), table, name).await? {
            Some(index) if !index.valid && foreign.contains(&index.oid) => {
                Err(RunError::IndexNotOurs { name: name.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Checks in the catalogue that a statement which succeeded has its effect.
    async fn prove(&self, alone: &Alone, foreign: &[u32]) -> Result<(), RunError> {
        let proved = match alone {
            Alone::CreateIndex {
                schema, table, name, ..
            } => {
                let index = self.index_beside(schema.as_deref(), table, name).await?;
                index.is_some_and(|index| index.valid)
            }
            Alone::DropIndex { .. } => !self.any_exists(foreign).await?,
            Alone::Reindex { .. } | Alone::Vacuum | Alone::AlterSystem => true,
        };
        let unproved = || RunError::Unproved {
            name: name(alone).to_owned(),
        };
        proved.then_some(()).ok_or_else(unproved)
    }
}

fn name(alone: &Alone) -> &str {
    match alone {
        Alone::CreateIndex { name, .. } | Alone::DropIndex { name, .. } | Alone::Reindex { name, .. } => name,
        Alone::Vacuum | Alone::AlterSystem => "",
    }
}
