//! The Lease: held by a process that renews it.

use std::time::Duration;

use ace_runtime::{leases::Terms, request::listed};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client, Error, ResourceExt};
use tokio::time::{Instant, sleep};

use super::{Finding, Problem};
use crate::connections::grants::Installation;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);

/// Whether somebody renews it within the time after which it would be free. Nobody's clock is trusted: it is seen to move.
pub(super) async fn held(client: &Client, installation: &Installation, name: &str) -> Finding {
    let home = &installation.namespace;
    let of = format!("an operator holds the Lease {home}/{name}");
    let api: Api<Lease> = Api::namespaced(client.clone(), home);
    let until = Instant::now() + Terms::default().duration;
    let mut first = None;
    loop {
        let said = match look(&api, name).await {
            Err(error) => return Finding::unanswered(of, &error),
            Ok(None) => "nobody does".to_owned(),
            Ok(Some((holder, version))) => {
                if *first.get_or_insert_with(|| version.clone()) != version {
                    return Finding::of(of, None);
                }
                format!("{holder} does not renew it")
            }
        };
        if Instant::now() >= until {
            let problem = Problem {
                said,
                mend: format!(
                    "read why nothing is reconciled: kubectl logs -n {home} deployment/{}",
                    installation.name
                ),
            };
            return Finding::of(of, Some(problem));
        }
        sleep(LOOK).await;
    }
}

/// Who holds it, in which version of it.
async fn look(api: &Api<Lease>, name: &str) -> Result<Option<(String, Option<String>)>, Error> {
    Ok(listed(api, name).await?.and_then(|lease| {
        let holder = lease
            .spec
            .as_ref()?
            .holder_identity
            .clone()
            .filter(|holder| !holder.is_empty())?;
        Some((holder, lease.resource_version()))
    }))
}
