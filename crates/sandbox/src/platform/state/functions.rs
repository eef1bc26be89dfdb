//! Functions: what is live, what waits to be activated, and how the one becomes the other.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::bundle::no_file_is_a_folder;
use super::{Bundle, Files, Project, Refusal, container_path};

/// Uploads of one function that wait for `PUT`; older ones are dropped.
const PENDING_LIMIT: usize = 8;

/// Status of a function. The platform's enum is open; these are the three it documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    Active,
    /// Listed, and answers nothing.
    Removed,
    /// Answers calls, slowly; nothing here sets it by itself.
    Throttled,
}

/// What the platform says of a live function. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Given at the first upload, kept until the function is deleted.
    pub id: Uuid,
    /// Its name in URLs.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    pub status: Status,
    /// 1 for the first live deploy, one more for each further one.
    pub version: i64,
    /// Time of the first upload.
    pub created_at: i64,
    /// Time of the last change; strictly increasing for one function.
    pub updated_at: i64,
    /// Whether the gateway asks for a valid JWT.
    pub verify_jwt: bool,
    /// Whether the upload named an import map.
    pub import_map: bool,
    /// `file:///tmp/user_fn_<ref>_<id>_<version>/source/…`
    pub entrypoint_path: String,
    /// Likewise; left out when there is none, since the official CLI refuses a null here.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub import_map_path: Option<String>,
    /// SHA-256 of the bundle, lower-case hexadecimal.
    pub ezbr_sha256: String,
}

/// One slug: what is live, and what was uploaded for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Function {
    id: Uuid,
    created: i64,
    live: Option<Live>,
    /// Uploads by `bundleOnly`, oldest first.
    pending: Vec<Bundle>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Live {
    record: Record,
    bundle: Bundle,
}

/// Ids that a deploy uses: given from outside, so that the machine itself knows no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    /// The function's id when it is new.
    pub function: Uuid,
    pub deployment: Uuid,
}

/// A deploy as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploy {
    /// `^[A-Za-z][A-Za-z0-9_-]*$`
    pub slug: String,
    /// Name for people; kept, or the slug for a new function, when left out.
    pub name: Option<String>,
    /// True when left out, also for a function that had it off: clients that left it out saw it come on again with each
    /// deploy (`dyad-sh/dyad#1010`), and the official CLI asks for the live value first to send it along.
    pub verify_jwt: Option<bool>,
    /// As the client calls it, e.g. `supabase/functions/hello/index.ts`.
    pub entrypoint: String,
    pub import_map: Option<String>,
    /// By the client's names.
    pub files: Files,
    /// Store it, and leave what is live alone.
    pub bundle_only: bool,
}

/// Where a deploy will end if it is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The function's id: its own, or the one offered for a new function.
    pub id: Uuid,
    /// The upload with its files at their places.
    pub bundle: Bundle,
}

/// One entry of `PUT functions`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Activate {
    /// Id of the function.
    pub id: String,
    /// Slug of the function.
    pub slug: String,
    pub name: String,
    /// Status it shall have.
    pub status: Status,
    /// Version it shall have: the caller bumps it.
    pub version: i64,
    /// Kept when left out.
    #[serde(default)]
    pub verify_jwt: Option<bool>,
    /// Which upload; the one of `version` when left out.
    #[serde(default)]
    pub ezbr_sha256: Option<String>,
}

/// A change without an upload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Patch {
    /// New name for people.
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub verify_jwt: Option<bool>,
}

impl Function {
    fn version(&self) -> i64 {
        self.live.as_ref().map_or(0, |live| live.record.version)
    }

    fn bundle(&self, digest: Option<&str>, version: i64) -> Option<&Bundle> {
        let uploads = self
            .pending
            .iter()
            .rev()
            .chain(self.live.as_ref().map(|live| &live.bundle));
        let mut uploads = uploads.filter(|bundle| match digest {
            Some(digest) => bundle.digest == digest,
            None => bundle.version == version,
        });
        uploads.next()
    }
}

impl Project {
    /// The live functions by slug.
    pub fn list(&self) -> Vec<&Record> {
        self.functions
            .values()
            .filter_map(|function| function.live.as_ref())
            .map(|live| &live.record)
            .collect()
    }

    pub fn get(&self, slug: &str) -> Result<&Record, Refusal> {
        Ok(&self.live(slug)?.record)
    }

    /// What is live under a slug, with its files.
    pub fn body(&self, slug: &str) -> Result<&Bundle, Refusal> {
        Ok(&self.live(slug)?.bundle)
    }

    /// Every upload that is kept: the live ones and those that wait for activation.
    pub fn bundles(&self) -> impl Iterator<Item = &Bundle> {
        self.functions
            .values()
            .flat_map(|function| function.live.iter().map(|live| &live.bundle).chain(&function.pending))
    }

    /// The same to be changed: loading from disk puts the files back.
    pub fn bundles_mut(&mut self) -> impl Iterator<Item = &mut Bundle> {
        self.functions.values_mut().flat_map(|function| {
            function
                .live
                .iter_mut()
                .map(|live| &mut live.bundle)
                .chain(&mut function.pending)
        })
    }

    /// Says where a deploy would end, and refuses it where its form is wrong. Changes nothing: whether the sources
    /// bundle is to be found out before [`Project::deploy`].
    pub fn plan(&self, deploy: &Deploy, ids: Ids) -> Result<Planned, Refusal> {
        if !is_slug(&deploy.slug) {
            return Err(Refusal::BadSlug);
        }
        let known = self.functions.get(&deploy.slug);
        let is_live = known.is_some_and(|function| function.live.is_some());
        if !is_live && self.list().len() >= self.function_limit {
            return Err(Refusal::TooManyFunctions);
        }
        let mut files = Files::new();
        for (name, bytes) in &deploy.files {
            files.insert(container_path(name)?, bytes.clone());
        }
        no_file_is_a_folder(&files)?;
        let bundle = Bundle {
            deployment: ids.deployment,
            version: known.map_or(0, Function::version) + 1,
            name: deploy.name.clone(),
            verify_jwt: deploy.verify_jwt,
            entrypoint: container_path(&deploy.entrypoint)?,
            import_map: deploy.import_map.as_deref().map(container_path).transpose()?,
            digest: String::new(),
            files,
        };
        Ok(Planned {
            id: known.map_or(ids.function, |function| function.id),
            bundle: bundle.seal()?,
        })
    }

    /// Stores an upload. Live deploys get the next version (1 for a new function) and a later `updated_at`; name and JWT rule
    /// that it does not have stay as they are. With
    /// `bundle_only` the answer tells what [`Project::activate`] would make live, and nothing else changes.
    pub fn deploy(&mut self, deploy: &Deploy, ids: Ids, now: i64) -> Result<Record, Refusal> {
        let Planned { id, bundle } = self.plan(deploy, ids)?;
        let reference = self.reference.clone();
        let function = self.functions.entry(deploy.slug.clone()).or_insert_with(|| Function {
            id,
            created: now,
            live: None,
            pending: Vec::new(),
        });
        let before = function.live.as_ref().map(|live| &live.record);
        let record = Record {
            name: bundle
                .name
                .clone()
                .or_else(|| before.map(|record| record.name.clone()))
                .unwrap_or_else(|| deploy.slug.clone()),
            status: Status::Active,
            version: bundle.version,
            verify_jwt: bundle
                .verify_jwt
                .or_else(|| before.map(|record| record.verify_jwt))
                .unwrap_or(true),
            updated_at: later(before, now),
            ..describe(&reference, function, &deploy.slug, &bundle)
        };
        if deploy.bundle_only {
            function.pending.push(bundle);
            let surplus = function.pending.len().saturating_sub(PENDING_LIMIT);
            function.pending.drain(..surplus);
        } else {
            function.live = Some(Live {
                record: record.clone(),
                bundle,
            });
        }
        Ok(record)
    }

    /// Makes uploads live under the versions that the caller gives, all entries or none. Repeating it changes nothing,
    /// not even `updated_at`. Functions that are not named stay as they are.
    pub fn activate(&mut self, entries: &[Activate], now: i64) -> Result<Vec<Record>, Refusal> {
        let mut next = self.clone();
        let mut records = Vec::new();
        for entry in entries {
            records.push(next.activate_one(entry, now)?);
        }
        if next.list().len() > next.function_limit && next.list().len() > self.list().len() {
            return Err(Refusal::TooManyFunctions);
        }
        *self = next;
        Ok(records)
    }

    fn activate_one(&mut self, entry: &Activate, now: i64) -> Result<Record, Refusal> {
        let unknown = || Refusal::UnknownBundle {
            slug: entry.slug.chars().take(200).collect(),
        };
        if entry.version < 1 {
            return Err(Refusal::BadVersion {
                slug: entry.slug.chars().take(200).collect(),
            });
        }
        let reference = self.reference.clone();
        let function = self.functions.get_mut(&entry.slug).ok_or_else(unknown)?;
        if function.id.to_string() != entry.id {
            return Err(unknown());
        }
        let bundle = function
            .bundle(entry.ezbr_sha256.as_deref(), entry.version)
            .ok_or_else(unknown)?
            .clone();
        let before = function.live.as_ref().map(|live| &live.record);
        let mut record = Record {
            name: entry.name.clone(),
            status: entry.status,
            version: entry.version,
            verify_jwt: entry
                .verify_jwt
                .or_else(|| before.map(|record| record.verify_jwt))
                .unwrap_or(true),
            updated_at: before.map_or(now, |record| record.updated_at),
            ..describe(&reference, function, &entry.slug, &bundle)
        };
        if before != Some(&record) {
            record.updated_at = later(before, now);
        }
        function
            .pending
            .retain(|pending| pending.deployment != bundle.deployment);
        function.live = Some(Live {
            record: record.clone(),
            bundle,
        });
        Ok(record)
    }

    /// Changes name or JWT rule. The version stays, `updated_at` moves.
    pub fn patch(&mut self, slug: &str, patch: Patch, now: i64) -> Result<Record, Refusal> {
        let live = self.functions.get_mut(slug).and_then(|function| function.live.as_mut());
        let record = &mut live.ok_or(Refusal::FunctionNotFound)?.record;
        if let Some(name) = patch.name {
            record.name = name;
        }
        if let Some(verify_jwt) = patch.verify_jwt {
            record.verify_jwt = verify_jwt;
        }
        record.updated_at = later(Some(record), now);
        Ok(record.clone())
    }

    /// Removes a function with all its uploads. A new one of the same slug gets a new id and begins with version 1.
    pub fn delete(&mut self, slug: &str) -> Result<(), Refusal> {
        self.live(slug)?;
        self.functions.remove(slug);
        Ok(())
    }

    fn live(&self, slug: &str) -> Result<&Live, Refusal> {
        self.functions
            .get(slug)
            .and_then(|function| function.live.as_ref())
            .ok_or(Refusal::FunctionNotFound)
    }
}

/// The part of a record that the upload decides.
fn describe(reference: &str, function: &Function, slug: &str, bundle: &Bundle) -> Record {
    let folder = format!("file:///tmp/user_fn_{reference}_{}_{}", function.id, bundle.version);
    Record {
        id: function.id,
        slug: slug.to_owned(),
        name: slug.to_owned(),
        status: Status::Active,
        version: bundle.version,
        created_at: function.created,
        updated_at: function.created,
        verify_jwt: true,
        import_map: bundle.import_map.is_some(),
        entrypoint_path: format!("{folder}/{}", bundle.entrypoint),
        import_map_path: bundle.import_map.as_ref().map(|path| format!("{folder}/{path}")),
        ezbr_sha256: bundle.digest.clone(),
    }
}

/// `now`, or just after the last change when the clock says otherwise.
fn later(before: Option<&Record>, now: i64) -> i64 {
    before.map_or(now, |record| now.max(record.updated_at + 1))
}

/// `^[A-Za-z][A-Za-z0-9_-]*$`
fn is_slug(slug: &str) -> bool {
    slug.starts_with(|first: char| first.is_ascii_alphabetic())
        && slug
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
