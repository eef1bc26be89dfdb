use std::{num::NonZeroU32, sync::Arc};

use ace_api::{Platform, SecretKeyReference};
use ace_domain::platform::{Access, World, is_due};
use ace_supabase::{Client, Gateway, Token, Url};
use jiff::Timestamp;
use kube::ResourceExt;

use super::{Platforms, Recall};
use crate::{
    driver::Key,
    secrets::{SecretError, read_secret_patiently},
    sites::{Open, Site},
};

/// What a pass over a Platform works on.
pub struct Observed {
    /// What is known.
    pub world: World,
    /// Where it is shared.
    pub site: Arc<Site>,
    /// What the last pass remembered.
    pub recall: Recall,
}

/// Collects what is known of a Platform. Only reads.
pub(super) async fn observe(kind: &Platforms, object: &Platform, recall: Recall, now: Timestamp) -> Observed {
    let key = Key::of(object);
    let rate = u32::try_from(object.spec.requests_per_minute)
        .ok()
        .and_then(|rate| NonZeroU32::new(kind.pace.budget(rate)))
        .unwrap_or(NonZeroU32::MIN);
    let uid = object.uid().unwrap_or_default();
    let site = kind.sites.of(&key, &uid, || Site::new(&uid, rate, now));
    site.set_rate(rate);
    let (managed, needs_secrets) = kind.directory.described(&key);
    let mut view = site.view();
    if let Some(look) = recall.database.clone() {
        view.record_database(look);
    }
    let mut world = World {
        pace: kind.pace,
        began: now,
        memo: object.status.clone().unwrap_or_default(),
        access: Access::Open,
        view,
        managed,
        needs_secrets,
        trouble: None,
    };
    // A pass that only counts functions anew asks nobody, and so needs no token.
    let only_counts =
        site.open().is_some() && recall.told == object.metadata.generation && !is_due(object, &world, now);
    if !object.spec.suspend && !only_counts {
        world.access = access(kind, object, &site).await;
    }
    Observed { world, site, recall }
}

/// Reads the Secrets and opens the way to the platform, or says what is in the way.
async fn access(kind: &Platforms, object: &Platform, site: &Site) -> Access {
    match open(kind, object, site).await {
        Ok(open) => {
            site.set_open(Some(open));
            Access::Open
        }
        Err(closed) => {
            site.set_open(None);
            closed
        }
    }
}

async fn open(kind: &Platforms, object: &Platform, site: &Site) -> Result<Open, Access> {
    let spec = &object.spec;
    let (api, gateway) = (allowed(kind, &spec.api.url)?, allowed(kind, &spec.gateway())?);
    let token = token(kind, object, &spec.api.token_secret_ref).await?;
    // Without the anonymous key everything but some checks works, and those say so.
    let anon = match &spec.anon_key_secret_ref {
        Some(reference) => self::token(kind, object, reference).await.ok(),
        None => None,
    };
    if let Some(open) = site
        .open()
        .filter(|open| open.token == token && open.anon == anon && open.api == api && open.at == gateway)
    {
        return Ok(open);
    }
    let project = spec
        .project
        .parse()
        .map_err(|_| Access::TokenInvalid("the project's reference is no reference".to_owned()))?;
    let observer = Arc::new(kind.metrics.platform(&Key::of(object).to_string(), site.budget()));
    let client =
        Client::new(&kind.http, api.clone(), token.clone(), project, site.budget()).observed_by(observer.clone());
    let gateway_client = Gateway::new(&kind.http, gateway.clone()).observed_by(observer);
    Ok(Open {
        client: Arc::new(client),
        gateway: gateway_client,
        anon,
        token,
        api,
        at: gateway,
    })
}

fn allowed(kind: &Platforms, text: &str) -> Result<Url, Access> {
    let refused = || {
        Access::HostNotAllowed(format!(
            "the operator may not call {text}: its flag `--allow-host` must name the host"
        ))
    };
    Url::parse(text)
        .ok()
        .filter(|url| kind.http.allows(url))
        .ok_or_else(refused)
}

async fn token(kind: &Platforms, object: &Platform, reference: &SecretKeyReference) -> Result<Token, Access> {
    let namespace = object.namespace().unwrap_or_default();
    let text = read_secret_patiently(&kind.client, kind.pace, &namespace, reference)
        .await
        .map_err(|error| match error {
            SecretError::Missing(message) => Access::SecretMissing(message),
            SecretError::Forbidden => Access::AccessMissing(format!(
                "the operator may not read Secrets of this namespace: {}",
                kind.identity.grant_namespace(&namespace)
            )),
            SecretError::Unanswered => Access::SecretMissing("the API server did not answer for the Secret".to_owned()),
        })?;
    Token::new(&text).map_err(|error| {
        Access::TokenInvalid(format!(
            "key `{}` of Secret `{}` is no token: {error}",
            reference.key, reference.name
        ))
    })
}
