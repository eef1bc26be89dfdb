//! What the platform does not do, and how it says so.

/// A change or a look that the platform refuses. `Display` is the `message` of the answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No project has this reference.
    #[error("Project not found")]
    ProjectNotFound,
    /// No live function has this slug.
    #[error("Function not found")]
    FunctionNotFound,
    /// The plan allows no further function.
    #[error("Maximum number of functions reached for Plan")]
    TooManyFunctions,
    /// The bundle exceeds [`super::BUNDLE_LIMIT`].
    #[error("request entity too large")]
    BundleTooLarge,
    /// Not `^[A-Za-z][A-Za-z0-9_-]*$`.
    #[error("slug: Function slug must match ^[A-Za-z][A-Za-z0-9_-]*$")]
    BadSlug,
    /// A file name that is empty, absolute or leads out of the bundle, or is also a folder of another one.
    #[error("Invalid file path - {path}")]
    BadPath { path: String },
    /// `PUT functions` names a bundle that was never uploaded.
    #[error("No bundle of function {slug} has this id, version and ezbr_sha256")]
    UnknownBundle { slug: String },
    /// A version is at least 1.
    #[error("version: must be at least 1 for function {slug}")]
    BadVersion { slug: String },
    /// `SUPABASE_` is the platform's own.
    #[error("Secret name must not start with the SUPABASE_ prefix.")]
    ReservedSecret,
    /// Empty, longer than 256 characters, or no name of an environment variable.
    #[error("Secret name must have 1 to 256 characters, without = and NUL.")]
    BadSecretName,
    /// Longer than 24,576 characters, or with a NUL, which no environment can hold.
    #[error("Secret value must have at most 24576 characters, without NUL.")]
    BadSecretValue,
    /// More than 100 in one request.
    #[error("Array must contain at most 100 element(s)")]
    TooManyItems,
    /// More than 100 in the project.
    #[error("Maximum number of secrets reached for project")]
    TooManySecrets,
}

impl Refusal {
    /// The HTTP status that goes with it.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::ProjectNotFound | Refusal::FunctionNotFound => 404,
            Refusal::TooManyFunctions => 402,
            Refusal::BundleTooLarge => 413,
            Refusal::BadSlug
            | Refusal::BadPath { .. }
            | Refusal::UnknownBundle { .. }
            | Refusal::BadVersion { .. }
            | Refusal::ReservedSecret
            | Refusal::BadSecretName
            | Refusal::BadSecretValue
            | Refusal::TooManyItems
            | Refusal::TooManySecrets => 400,
        }
    }
}
