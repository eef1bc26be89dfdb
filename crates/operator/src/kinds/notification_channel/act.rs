use ace_api::NotificationChannel;
use ace_domain::kinds::notification_channel::{DEADLINE, Failure, Step, StepError};
use ace_notify::{Outcome, deliver, mail};
use ace_runtime::clock;
use jiff::Timestamp;

use super::{Destination, NotificationChannels, message};

/// Sends a message, once.
pub(super) async fn act(
    kind: &NotificationChannels,
    object: &NotificationChannel,
    destination: Option<&Destination>,
    step: &Step,
) -> Result<Option<i32>, StepError> {
    let failed = |failure, code: Option<u16>, message| StepError {
        failure,
        code: code.map(i32::from),
        message,
    };
    let Some(destination) = destination else {
        // Never happens: such a step is only decided when the Secrets were read.
        let message = "the Secrets were not read".to_owned();
        return Err(failed(Failure::Passing(None), None, message));
    };
    if is_late(step) {
        let message = "the process was stopped before the attempt was made".to_owned();
        return Err(failed(Failure::Passing(None), None, message));
    }
    let message = || match step {
        Step::Test(test) => message::test(object, test),
        Step::Tell(telling) => message::news(object, telling),
    };
    let outcome = match destination {
        Destination::Post { url, format } => {
            let request = format.request(&message(), Timestamp::now());
            format.outcome(&deliver(&kind.http, url, request, DEADLINE).await)
        }
        Destination::Mail(email) => mail(&kind.smtp, email, &message(), DEADLINE).await,
        Destination::Page(page) => return page.tell(kind, object, step).await,
    };
    match outcome {
        Outcome::Accepted { code } => Ok(Some(code.into())),
        Outcome::Refused { code, message } => Err(failed(Failure::Refused, code, message)),
        Outcome::Retry { after, code, message } => Err(failed(Failure::Passing(after), code, message)),
        Outcome::Unknown { message } => Err(failed(Failure::Unknown, None, message)),
    }
}

/// The process was stopped for so long that another one may have told this already, and its end, too.
fn is_late(step: &Step) -> bool {
    let Step::Tell(telling) = step else { return false };
    let began = telling.intent.start_time;
    began.is_some_and(|began| clock::now() > began + DEADLINE)
}
