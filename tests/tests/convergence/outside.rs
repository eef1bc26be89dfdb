//! What is outside of the operator: the platform (the sandbox's own state machine), the clock, faults, and a journal.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use ace_api::Stamp;
use ace_domain::{
    bundle::{BodyFiles, Closure, FunctionSource, ListedImportMap, Mark, Tree, TreePath, Upload},
    kinds::edge_function::{Body, BodyContent, LiveFunction},
    reconcile::decision::{Deferral, Limiter, StepError},
};
use ace_sandbox::platform::state::{Deploy, Files, Ids, Patch, Project, Record, State};
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub(crate) const PROJECT: &str = "abcdefghijklmnopqrst";
/// Content that the platform refuses.
pub(crate) const REFUSED: usize = 5;
/// Content whose checks fail, until the world is healed.
pub(crate) const FAILING: usize = 4;

/// A request to the Management API.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Request {
    Project,
    List,
    Get,
    Body,
    Deploy,
    Patch,
    Delete,
}

/// What becomes of the next deploy of the operator.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    /// It takes effect; the answer is lost.
    Answer,
    /// It never arrives.
    Effect,
    /// It takes effect so long after its answer was given up.
    Late(Duration),
}

#[derive(Debug)]
pub(crate) struct Outside {
    /// How much time has passed, as nobody can set it.
    pub now: Timestamp,
    /// How much the computer's clock is ahead of that.
    pub ahead: SignedDuration,
    pub state: State,
    /// The list shows the entrypoint's path, and with it our mark.
    pub echo: bool,
    /// Bodies come as files, else as a bundle.
    pub files: bool,
    pub outage_until: Timestamp,
    pub stale: Option<(Vec<Record>, Timestamp)>,
    pub loss: Option<Loss>,
    pub deferrals: u32,
    pub healed: bool,
    pub journal: Vec<Request>,
    /// Uploads by the operator, by their deployment.
    pub ours: BTreeSet<Uuid>,
    /// Sentences on what must not have happened.
    pub faults: Vec<String>,
    late: Vec<(Timestamp, Deploy)>,
    count: u128,
}

impl Outside {
    pub(crate) fn new(echo: bool, files: bool) -> Self {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let mut state = State::default();
        state.insert(Project::new(PROJECT, "Test", now.as_millisecond()));
        Self {
            now,
            ahead: SignedDuration::ZERO,
            state,
            echo,
            files,
            outage_until: now,
            stale: None,
            loss: None,
            deferrals: 0,
            healed: false,
            journal: Vec::new(),
            ours: BTreeSet::new(),
            faults: Vec::new(),
            late: Vec::new(),
            count: 0,
        }
    }

    /// Lets time pass; what was late arrives.
    pub(crate) fn pass_to(&mut self, then: Timestamp) {
        self.now = self.now.max(then);
        let now = self.now;
        let (due, later) = self.late.drain(..).partition(|(at, _)| *at <= now);
        self.late = later;
        let due: Vec<(Timestamp, Deploy)> = due;
        for (_, deploy) in due {
            self.put(&deploy, true);
        }
        if self.stale.as_ref().is_some_and(|(_, until)| *until <= now) {
            self.stale = None;
        }
    }

    /// What the computer's clock says.
    pub(crate) fn wall(&self) -> Timestamp {
        self.now + self.ahead
    }

    pub(crate) fn is_late(&self) -> bool {
        !self.late.is_empty()
    }

    /// One request: its place in the journal, and whether it is answered at all.
    pub(crate) fn request(&mut self, request: Request) -> Result<(), StepError> {
        self.pass_to(self.now + Duration::from_millis(200));
        if self.deferrals > 0 {
            self.deferrals -= 1;
            return Err(StepError::Deferred(Deferral {
                again: Duration::from_secs(7),
                by: Limiter::Budget,
            }));
        }
        self.journal.push(request);
        if self.now < self.outage_until {
            return Err(StepError::Unanswered("the platform answers 503".to_owned()));
        }
        Ok(())
    }

    pub(crate) fn list(&self) -> BTreeMap<String, LiveFunction> {
        let records: Vec<Record> = match &self.stale {
            Some((records, _)) => records.clone(),
            None => self.state.list(PROJECT).unwrap().into_iter().cloned().collect(),
        };
        records
            .iter()
            .map(|record| (record.slug.clone(), self.entry(record)))
            .collect()
    }

    pub(crate) fn get(&self, slug: &str) -> Option<LiveFunction> {
        self.state.get(PROJECT, slug).ok().map(|record| self.entry(record))
    }

    pub(crate) fn body(&self, slug: &str, stamp: &Stamp, expected: &TreePath) -> Result<Body, StepError> {
        let bundle = self
            .state
            .body(PROJECT, slug)
            .map_err(|refusal| StepError::Failed(refusal.to_string()))?;
        let content = if self.files {
            let parts = bundle.files.iter().map(|(path, bytes)| (path.clone(), bytes.clone()));
            let files = BodyFiles::new(parts, Some(&bundle.entrypoint), expected);
            BodyContent::Files {
                digest: files.digest(),
                files: Arc::new(files),
            }
        } else {
            BodyContent::Bundle(bundle.blob().into())
        };
        Ok(Body {
            stamp: stamp.clone(),
            content,
        })
    }

    /// An upload by the operator.
    pub(crate) fn deploy(&mut self, slug: &str, content: &Closure, verify_jwt: bool) -> Result<Stamp, StepError> {
        let upload = Upload::new(content, &content.revision());
        let deploy = Deploy {
            slug: slug.to_owned(),
            name: None,
            verify_jwt: Some(verify_jwt),
            entrypoint: upload.entrypoint_path,
            import_map: upload.import_map_path,
            files: upload.files.into_iter().collect(),
            bundle_only: false,
        };
        if text_of(&deploy.files) == Some(REFUSED) {
            return Err(StepError::Refused("Failed to bundle the function".to_owned()));
        }
        match self.loss.take() {
            None => {
                let record = self.put(&deploy, true);
                Ok(self.entry(&record).stamp)
            }
            Some(loss) => {
                // The platform may say that something failed, whether or not it did.
                let says = matches!(loss, Loss::Answer | Loss::Effect).then(|| "500: an internal error".to_owned());
                match loss {
                    Loss::Answer => {
                        self.put(&deploy, true);
                    }
                    Loss::Effect => {}
                    Loss::Late(after) => self.late.push((self.now + Duration::from_mins(1) + after, deploy)),
                }
                self.pass_to(self.now + Duration::from_mins(1));
                Err(StepError::OutcomeUnknown(says))
            }
        }
    }

    /// Somebody else deploys, under a folder of their own.
    pub(crate) fn foreign(&mut self, slug: &str, text: usize, verify_jwt: Option<bool>) {
        let name = format!("supabase/functions/{slug}/index.ts");
        let deploy = Deploy {
            slug: slug.to_owned(),
            name: None,
            verify_jwt,
            entrypoint: name.clone(),
            import_map: None,
            files: Files::from([(name, Bytes::from(script(text)))]),
            bundle_only: false,
        };
        self.put(&deploy, false);
    }

    pub(crate) fn patch(&mut self, slug: &str, verify_jwt: bool) -> bool {
        let patch = Patch {
            name: None,
            verify_jwt: Some(verify_jwt),
        };
        self.state
            .patch(PROJECT, slug, patch, self.now.as_millisecond())
            .is_ok()
    }

    /// What is live, whose it is, and its rule.
    pub(crate) fn truth(&self, slug: &str) -> Option<(usize, bool, bool)> {
        let bundle = self.state.body(PROJECT, slug).ok()?;
        let record = self.state.get(PROJECT, slug).ok()?;
        let text = text_of(&bundle.files).unwrap_or(usize::MAX);
        Some((text, self.ours.contains(&bundle.deployment), record.verify_jwt))
    }

    fn put(&mut self, deploy: &Deploy, ours: bool) -> Record {
        self.count += 1;
        let ids = Ids {
            function: Uuid::from_u128(self.count),
            deployment: Uuid::from_u128(self.count),
        };
        let text = text_of(&deploy.files);
        let before = self.truth(&deploy.slug);
        let reported = self.echo || self.files;
        if ours && reported && before.is_some_and(|(live, by_us, _)| by_us && Some(live) == text) {
            let slug = &deploy.slug;
            self.faults
                .push(format!("{slug}: uploaded {text:?} over our own upload of the same"));
        }
        if ours {
            self.ours.insert(ids.deployment);
        }
        let now = self.now.as_millisecond();
        self.state.deploy(PROJECT, deploy, ids, now).unwrap()
    }

    fn entry(&self, record: &Record) -> LiveFunction {
        LiveFunction {
            stamp: Stamp {
                id: record.id.to_string(),
                version: record.version,
                updated_time: Timestamp::from_millisecond(record.updated_at).unwrap(),
                bundle_digest: Some(record.ezbr_sha256.clone()),
            },
            verify_jwt: Some(record.verify_jwt),
            mark: Mark::in_entrypoint_path(&record.entrypoint_path).filter(|_| self.echo),
            entrypoint: Some(record.entrypoint_path.clone()).filter(|_| self.echo),
            import_map: ListedImportMap::new(
                Some(&record.entrypoint_path).filter(|_| self.echo).map(String::as_str),
                record.import_map_path.as_deref(),
                Some(record.import_map),
            ),
            state: None,
        }
    }
}

/// The entrypoint of content `text`.
fn script(text: usize) -> String {
    format!("Deno.serve(() => new Response('{text}'));\n")
}

fn text_of(files: &Files) -> Option<usize> {
    let bytes = files.iter().find(|(path, _)| path.ends_with("index.ts"))?.1;
    let digits: String = String::from_utf8_lossy(bytes)
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

/// The content `text` of a function.
pub(crate) fn content(slug: &str, text: usize) -> Arc<Closure> {
    let path = TreePath::new(format!("{slug}/index.ts")).unwrap();
    let tree = Tree::from_files([(path, Bytes::from(script(text)))]).unwrap();
    let source = FunctionSource {
        slug,
        entrypoint: None,
        import_map: None,
        static_files: &[],
    };
    Arc::new(Closure::compute(&tree, &source).unwrap())
}

/// Which content has this digest.
pub(crate) fn text_with(slug: &str, digest: &str) -> Option<usize> {
    (0..=REFUSED).find(|text| content(slug, *text).digest().to_string() == digest)
}
