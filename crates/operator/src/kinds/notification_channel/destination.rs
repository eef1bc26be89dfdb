//! Where the messages of a channel go, by its spec and its Secrets.

use ace_api::{
    ChannelReason, Email as Mail, EmailTls, LocalReference, NotificationChannel, PagerDuty, SecretKeyReference,
    SecretUse, Slack, Webhook,
};
use ace_domain::{
    inputs::{SecretProblem, secret_text},
    kinds::notification_channel::Cause,
};
use ace_egress::{Encryption, Login, MailError, MailServer, SecretString, SecretUrl};
use ace_notify::{Email, Format, PAGERDUTY_PATH, RoutingKey, SigningSecret};
use kube::ResourceExt;

use super::{Destination, NotificationChannels};
use crate::connections::secrets::Secrets;

/// Reads the Secrets of a channel.
pub(super) async fn destination(
    kind: &NotificationChannels,
    object: &NotificationChannel,
) -> Result<Destination, Cause> {
    let secrets = Secrets {
        client: &kind.client,
        names: &kind.installation,
        namespace: &object.namespace().unwrap_or_default(),
    };
    let spec = &object.spec;
    match (&spec.pager_duty, &spec.slack, &spec.email, &spec.webhook) {
        (Some(pager_duty), ..) => events(kind, &secrets, pager_duty).await,
        (None, Some(slack), ..) => posts(kind, &secrets, slack).await,
        (None, None, Some(email), _) => mails(kind, &secrets, email).await,
        (None, None, None, Some(webhook)) => hooks(kind, &secrets, webhook).await,
        // Never happens: the API server refuses such a spec.
        (None, None, None, None) => {
            let message = "the spec names none of `pagerDuty`, `slack`, `email` and `webhook`";
            Err(Cause::new(ChannelReason::SecretInvalid, message))
        }
    }
}

async fn events(kind: &NotificationChannels, secrets: &Secrets<'_>, to: &PagerDuty) -> Result<Destination, Cause> {
    let key = secrets.value(
        &to.routing_key_secret_ref,
        SecretUse::PagerDuty,
        "a routing key",
        RoutingKey::new,
    );
    let format = Format::PagerDuty(key.await?);
    let url = format!("{}/{PAGERDUTY_PATH}", to.url.trim_end_matches('/'));
    let url = SecretUrl::new(&url).map_err(|error| {
        // Never happens: the API server refuses such a spec.
        Cause::new(
            ChannelReason::SecretInvalid,
            format!("`pagerDuty.url` is no valid URL: {error}"),
        )
    })?;
    if !kind.http.may_post(&url) {
        let message = "the operator is not allowed to send to the host of `pagerDuty.url`: add the host to its flag `--allow-notify-host`, or name another one";
        return Err(Cause::new(ChannelReason::HostNotAllowed, message));
    }
    Ok(Destination::Post { url, format })
}

async fn posts(kind: &NotificationChannels, secrets: &Secrets<'_>, to: &Slack) -> Result<Destination, Cause> {
    let url = secret_url(kind, secrets, &to.webhook_url_secret_ref, SecretUse::Slack).await?;
    Ok(Destination::Post {
        url,
        format: Format::Slack,
    })
}

async fn hooks(kind: &NotificationChannels, secrets: &Secrets<'_>, to: &Webhook) -> Result<Destination, Cause> {
    let secret = secrets.value(
        &to.signing_secret_ref,
        SecretUse::Webhook,
        "a valid signing secret",
        SigningSecret::new,
    );
    let format = Format::Webhook(secret.await?);
    let url = secret_url(kind, secrets, &to.url_secret_ref, SecretUse::Webhook).await?;
    Ok(Destination::Post { url, format })
}

async fn secret_url(
    kind: &NotificationChannels,
    secrets: &Secrets<'_>,
    reference: &SecretKeyReference,
    wanted: SecretUse,
) -> Result<SecretUrl, Cause> {
    let url = secrets.value(reference, wanted, "a valid URL", SecretUrl::new).await?;
    if !kind.http.may_post(&url) {
        let SecretKeyReference { name, key } = reference;
        let message = format!(
            "the operator is not allowed to send to the host of the URL in key `{key}` of Secret `{name}`: add the host to its flag `--allow-notify-host`, or put another URL there"
        );
        return Err(Cause::new(ChannelReason::HostNotAllowed, message));
    }
    Ok(url)
}

async fn mails(kind: &NotificationChannels, secrets: &Secrets<'_>, to: &Mail) -> Result<Destination, Cause> {
    let mut server = server(to);
    if let Some(reference) = &to.credentials_secret_ref {
        server.login = Some(login(secrets, reference).await?);
    }
    kind.smtp.check(&server).map_err(|error| unchecked(&server, error))?;
    Ok(Destination::Mail(Email {
        server,
        from: to.from.clone(),
        to: to.to.clone(),
    }))
}

/// User name and password, as they are at one time.
async fn login(secrets: &Secrets<'_>, reference: &LocalReference) -> Result<Login, SecretProblem> {
    let secret = secrets.whole(&reference.name).await?;
    let text = |key: &str| {
        let reference = SecretKeyReference {
            name: reference.name.clone(),
            key: key.to_owned(),
        };
        secret_text(secret.clone(), secrets.namespace, &reference, SecretUse::Smtp)
    };
    Ok(Login {
        user: text("username")?,
        password: SecretString::new(text("password")?),
    })
}

/// The server that a spec names, without the login.
pub(crate) fn server(to: &Mail) -> MailServer {
    MailServer {
        host: to.host.clone(),
        // Port 0 is allowed nowhere.
        port: u16::try_from(to.port).unwrap_or_default(),
        encryption: match to.tls {
            EmailTls::StartTls => Encryption::StartTls,
            EmailTls::Implicit => Encryption::Implicit,
            EmailTls::Disable => Encryption::None,
        },
        login: None,
    }
}

fn unchecked(server: &MailServer, error: MailError) -> Cause {
    let MailServer { host, port, .. } = server;
    let message = match error {
        MailError::NotEncrypted => {
            "`email.tls` is Disable, and that is for loopback and without credentials: set it to StartTLS or Implicit"
                .to_owned()
        }
        _ => format!(
            "the operator is not allowed to send to `email.host`: add smtp://{host}:{port} to its flag `--allow-notify-host`, or name another one"
        ),
    };
    Cause::new(ChannelReason::HostNotAllowed, message)
}
