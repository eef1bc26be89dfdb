//! What a reason is, and how a kind lists its own.

/// A reason of a condition.
pub trait Reason: Copy {
    /// The CamelCase word in the condition.
    fn as_str(self) -> &'static str;
    /// The condition that it belongs to.
    fn shown_by(self) -> ShownBy;
    /// The reason of this name, if there is one.
    fn named(name: &str) -> Option<Self>;
}

/// The reasons of a kind whose objects belong to a Platform.
pub trait HasPlatform: Reason {
    /// The Platform does not exist.
    const WAITING_FOR_PLATFORM: Self;
    /// Suspended before the desired state was live.
    const SUSPENDED: Self;
    /// `spec.suspend` is true.
    const SUSPENDED_BY_USER: Self;
    /// `spec.suspend` of the Platform is true.
    const SUSPENDED_BY_PLATFORM: Self;
}

/// The reasons of a kind whose objects have a source.
pub trait HasSource: Reason {
    /// The source object or its artifact does not exist yet.
    const WAITING_FOR_SOURCE: Self;
    /// The source's archive is refused.
    const SOURCE_REFUSED: Self;
    /// The source's content can't be used.
    const SOURCE_INVALID: Self;
    /// The operator lacks the right to read it.
    const ACCESS_MISSING: Self;
    /// It could not be read this time.
    const RETRYING: Self;
}

/// The reasons of a kind whose objects name Secrets.
pub trait HasSecrets: Reason + PartialEq {
    /// A Secret or key does not exist.
    const SECRET_MISSING: Self;
    /// A Secret does not offer the use.
    const SECRET_NOT_OFFERED: Self;
    /// What is in it is not what it should be.
    const SECRET_INVALID: Self;
    /// The operator lacks the right to read it.
    const SECRET_ACCESS_MISSING: Self;
    /// It could not be read this time.
    const SECRET_UNANSWERED: Self;
}

/// The condition that a reason belongs to, with its status where the reason fixes one. `Ready` also repeats the reason of the
/// condition that explains it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ShownBy {
    /// `Ready=True`.
    Ready,
    /// `Ready=False`, explained by no other condition's reason.
    ReadyFalse,
    /// `Ready=Unknown`, with `Reconciling`.
    ReadyUnknown,
    /// `Reconciling=True`.
    Reconciling,
    /// `Stalled=True`.
    Stalled,
    /// `Suspended=True`.
    Suspended,
    /// True, of a condition that has reasons of its own, such as `Drifted`.
    True,
    /// False, of such a condition.
    False,
    /// Unknown, of such a condition.
    Unknown,
}

impl ShownBy {
    /// How descriptions and pages name it; conditions with reasons of their own are listed apart, so that the status is enough.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::ReadyFalse => "Ready is False",
            Self::ReadyUnknown => "Ready is Unknown",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
            Self::Suspended => "Suspended",
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// One entry of a kind's closed list of reasons.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ListedReason {
    /// The CamelCase word in the condition.
    pub name: &'static str,
    /// The condition that it belongs to.
    pub shown_by: ShownBy,
    /// What it says.
    pub meaning: &'static str,
}

/// Lists of reasons, one after another.
#[allow(
    clippy::indexing_slicing,
    reason = "the compiler computes it: what is out of bounds does not build"
)]
pub(crate) const fn joined<const N: usize>(lists: &[&[ListedReason]]) -> [ListedReason; N] {
    let mut all = [lists[0][0]; N];
    let (mut list, mut entry, mut place) = (0, 0, 0);
    while place < N {
        if entry == lists[list].len() {
            (list, entry) = (list + 1, 0);
        } else {
            all[place] = lists[list][entry];
            (entry, place) = (entry + 1, place + 1);
        }
    }
    all
}

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident $(+ $shared:ident)? { $($reason:ident: $shown_by:ident = $meaning:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum $name {
            $(#[doc = concat!(stringify!($shown_by), ": ", $meaning)] $reason,)*
        }

        impl $name {
            const OWN: &[crate::ListedReason] = &[$(crate::ListedReason {
                name: stringify!($reason),
                shown_by: crate::ShownBy::$shown_by,
                meaning: $meaning,
            },)*];

            /// Every reason, in the order of the reference.
            pub const ALL: &[crate::ListedReason] =
                &crate::common::reasons::joined::<{ $name::OWN.len() $(+ crate::$shared::ALL.len())? }>(&[$name::OWN, $(crate::$shared::ALL,)?]);
        }

        impl crate::Reason for $name {
            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$reason => stringify!($reason),)*
                }
            }

            fn shown_by(self) -> crate::ShownBy {
                match self {
                    $(Self::$reason => crate::ShownBy::$shown_by,)*
                }
            }

            fn named(name: &str) -> Option<Self> {
                [$(Self::$reason,)*].into_iter().find(|reason| reason.as_str() == name)
            }
        }
    };
}

/// Says which reasons of a kind mean the same in every kind: they have the same name.
macro_rules! shared_reasons {
    ($name:ident: HasPlatform) => {
        impl crate::HasPlatform for $name {
            const WAITING_FOR_PLATFORM: Self = Self::WaitingForPlatform;
            const SUSPENDED: Self = Self::Suspended;
            const SUSPENDED_BY_USER: Self = Self::SuspendedByUser;
            const SUSPENDED_BY_PLATFORM: Self = Self::SuspendedByPlatform;
        }
    };
    ($name:ident: HasSecrets) => {
        impl crate::HasSecrets for $name {
            const SECRET_MISSING: Self = Self::SecretMissing;
            const SECRET_NOT_OFFERED: Self = Self::SecretNotOffered;
            const SECRET_INVALID: Self = Self::SecretInvalid;
            const SECRET_ACCESS_MISSING: Self = Self::AccessMissing;
            const SECRET_UNANSWERED: Self = Self::Retrying;
        }
    };
    ($name:ident: HasSource) => {
        impl crate::HasSource for $name {
            const WAITING_FOR_SOURCE: Self = Self::WaitingForSource;
            const SOURCE_REFUSED: Self = Self::SourceRefused;
            const SOURCE_INVALID: Self = Self::SourceInvalid;
            const ACCESS_MISSING: Self = Self::AccessMissing;
            const RETRYING: Self = Self::Retrying;
        }
    };
}

pub(crate) use {reasons, shared_reasons};

reasons! {
    /// Reasons of `Ready`, `Reconciling` and `Stalled` that every kind has, beside its own.
    SharedReason {
        InternalError: Stalled = "the operator hit an error of its own at this object; the message has the place. It is not tried again until spec or `reconcile-at` change, or the operator restarts.",
        DefinitionOutdated: Stalled = "the installed definition is older than the operator, and has no field for a part of the status; the message names it. Nothing is done that would be recorded there. It is tried again every 5 min.",
        ObjectUnreadable: Stalled = "this version of the operator can't read the object; the message names the field. Nothing is done for it, and the rest of its status is as another version wrote it. It is read again at its next change.",
        StatusRefused: ReadyUnknown = "the API server refused the status; the message has the field. What else the status shows is out of date. It is tried again every 5 min.",
    }
}

reasons! {
    /// What a pass shows that could not observe its object. They are among the reasons of each kind, which says there what it means.
    UnobservedReason {
        NotObserved: ReadyUnknown = "it could not be observed for three intervals.",
        NotCompared: Unknown = "it was not compared, or could not be for three intervals.",
    }
}

reasons! {
    /// Reasons that `Drifted`, and every other condition with reasons of its own, has beside those.
    SharedConditionReason {
        StatusRefused: Unknown = "the API server refused the status that said what it is.",
    }
}
