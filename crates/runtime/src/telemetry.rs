//! Logs: one line per event, for people or for machines, on the standard error.

use std::io;

use clap::{Args, ValueEnum};
use tracing_subscriber::filter::{Directive, EnvFilter, LevelFilter, ParseError};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt, layer::SubscriberExt, registry};

/// Flags of the log.
#[derive(Args, Clone, Debug)]
pub struct LogArguments {
    /// Format of log lines.
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
    /// Filter of the log: a level, or `target=level` pairs, such as `info,ace_operator=debug`.
    #[arg(long = "log", env = "RUST_LOG", default_value = "info")]
    pub log: String,
}

/// Format of log lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For a terminal.
    Human,
}

/// Why logging could not be set up; fatal at start.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter does not parse.
    #[error("--log is not a valid filter: use a level, or target=level pairs")]
    Filter(#[source] ParseError),
    /// The process has a log already.
    #[error("logging was already set up")]
    Twice(#[source] TryInitError),
}

/// Libraries that print frames, headers, bodies or SQL below this level: tokens, source code and rows are in them. So they are
/// capped whatever the filter is.
const CAPPED: [&str; 10] = [
    "h2",
    "hyper",
    "hyper_util",
    "kube_client",
    "reqwest",
    "rustls",
    "tower",
    "tower_http",
    "tokio_postgres",
    "tokio_util",
];

/// Sets up the log of this process.
pub fn init(arguments: &LogArguments) -> Result<(), LogError> {
    let layer = match arguments.log_format {
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(io::stderr)
            .boxed(),
        LogFormat::Human => fmt::layer().with_writer(io::stderr).boxed(),
    };
    let filtered = layer.with_filter(filter(&arguments.log).map_err(LogError::Filter)?);
    registry()
        .with(filtered)
        .with(capped())
        .try_init()
        .map_err(LogError::Twice)
}

fn filter(text: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(text)
}

/// Drops what the capped libraries log below `info`.
fn capped() -> EnvFilter {
    CAPPED.iter().fold(EnvFilter::new("trace"), |filter, library| {
        let directive: Directive = format!("{library}=info")
            .parse()
            .expect("a crate's name and a level are a directive");
        filter.add_directive(directive)
    })
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing::subscriber::with_default;
    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::{Layer, fmt, layer::SubscriberExt, registry};

    use super::{capped, filter};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn frames_and_headers_stay_out_of_the_log_at_any_level() {
        let lines = Lines::default();
        let layer = fmt::layer()
            .json()
            .with_writer(lines.clone())
            .with_filter(filter("trace,h2=trace").unwrap());
        with_default(registry().with(layer).with(capped()), || {
            tracing::trace!(target: "h2::codec", "authorization: canary");
            tracing::debug!(target: "hyper::proto", "authorization: canary");
            tracing::trace!(target: "ace_operator", "said");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("said") && !text.contains("canary"), "{text}");
    }

    #[test]
    fn a_filter_that_does_not_parse_is_an_error() {
        assert!(filter("ace_operator=loud").is_err());
        assert!(filter("info,ace_operator=debug").is_ok());
    }
}
