//! Uploads that were begun and neither finished nor given up, as when a process was killed. No list of objects shows them, and they
//! are paid for.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use ace_egress::{HttpClient, Url};
use http::Method;
use jiff::Timestamp;
use object_store::aws::{AmazonS3, AwsAuthorizer};
use object_store::client::{HttpRequest, HttpRequestBody, HttpService};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use serde::Deserialize;

use crate::connector::Connector;
use crate::error::{StoreError, StoreProblem};
use crate::run::{DATA, RunPath};
use crate::settings::{S3, SettingsError};
use crate::store::Store;

/// Most pages of one list, of 1,000 uploads each.
const MOST_PAGES: usize = 100;

/// Where uploads can be listed.
#[derive(Clone, Debug)]
pub(crate) enum Uploads {
    S3(Arc<S3Uploads>),
    /// They are files beside what they become.
    Directory(PathBuf),
    Unlisted,
}

/// The library knows no such list.
#[derive(Debug)]
pub(crate) struct S3Uploads {
    objects: Arc<AmazonS3>,
    connector: Connector,
    bucket: Url,
    region: String,
}

impl Store {
    /// Gives up uploads of runs that were begun before a time, and whose runner is not living; names the runs. `None` where the store
    /// has no list of them: then a rule of the bucket has to.
    pub async fn sweep_uploads(
        &self,
        before: Timestamp,
        is_living: impl Fn(&RunPath) -> bool,
    ) -> Result<Option<Vec<RunPath>>, StoreError> {
        let is_dead = |path: &Path, begun: Timestamp| {
            let below: Vec<_> = path.prefix_match(&self.prefix)?.collect();
            let (file, directory) = below.split_last()?;
            let directory: Vec<&str> = directory.iter().map(AsRef::as_ref).collect();
            let run = RunPath::parse(&directory.join("/"))?;
            let is_old = run.started() < before && begun < before;
            (file.as_ref() == DATA && is_old && !is_living(&run)).then_some(run)
        };
        let mut swept = Vec::new();
        match &self.uploads {
            Uploads::S3(uploads) => {
                for upload in uploads.list(&self.prefix).await? {
                    let Some((path, begun)) = upload.parsed() else {
                        continue;
                    };
                    if let Some(run) = is_dead(&path, begun) {
                        uploads.give_up(&path, &upload.id).await?;
                        swept.push(run);
                    }
                }
            }
            Uploads::Directory(root) => {
                for (file, path, begun) in staged(root.clone(), self.prefix.clone()).await? {
                    if let Some(run) = is_dead(&path, begun) {
                        let removed = tokio::fs::remove_file(file).await;
                        removed.map_err(|error| StoreError::from(&error))?;
                        swept.push(run);
                    }
                }
            }
            Uploads::Unlisted => return Ok(None),
        }
        Ok(Some(swept))
    }
}

#[derive(Deserialize)]
#[serde(rename = "ListMultipartUploadsResult", rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    upload: Vec<Upload>,
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_key_marker: String,
    #[serde(default)]
    next_upload_id_marker: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Upload {
    key: String,
    #[serde(rename = "UploadId")]
    id: String,
    initiated: String,
}

impl Upload {
    fn parsed(&self) -> Option<(Path, Timestamp)> {
        Some((Path::parse(&self.key).ok()?, self.initiated.parse().ok()?))
    }
}

impl S3Uploads {
    pub fn new(settings: &S3, objects: AmazonS3, http: &HttpClient) -> Result<Self, SettingsError> {
        let mut bucket = settings.url()?;
        if settings.path_style {
            bucket.set_path(&settings.bucket);
        }
        Ok(Self {
            objects: Arc::new(objects),
            connector: Connector::new(http),
            bucket,
            region: settings.region.clone(),
        })
    }

    async fn list(&self, prefix: &Path) -> Result<Vec<Upload>, StoreError> {
        let (mut uploads, mut markers) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let page = self.page(prefix, markers.as_ref()).await?;
            uploads.extend(page.upload);
            if !page.is_truncated {
                break;
            }
            markers = Some((page.next_key_marker, page.next_upload_id_marker));
        }
        Ok(uploads)
    }

    async fn page(&self, prefix: &Path, markers: Option<&(String, String)>) -> Result<Page, StoreError> {
        let mut url = self.bucket.clone();
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("uploads", "");
            if !prefix.as_ref().is_empty() {
                query.append_pair("prefix", &format!("{prefix}/"));
            }
            if let Some((key, upload_id)) = markers {
                query
                    .append_pair("key-marker", key)
                    .append_pair("upload-id-marker", upload_id);
            }
        }
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = url.as_str().parse().map_err(|_| none_of_its_protocol())?;
        let credential = self.objects.credentials().get_credential().await;
        let credential = credential.map_err(|error| StoreError::of(&error))?;
        let authorizer = AwsAuthorizer::new(&credential, "s3", &self.region);
        let signed = authorizer.try_authorize(&mut request, None);
        signed.map_err(|error| StoreError::of(&error))?;
        let answer = self.connector.call(request).await;
        let answer = answer.map_err(|error| StoreError::of_cause(&error))?;
        if !answer.status().is_success() {
            return Err(none_of_its_protocol());
        }
        let text = answer.into_body().bytes().await;
        let text = text.map_err(|error| StoreError::of_cause(&error))?;
        quick_xml::de::from_reader(&*text).map_err(|_| none_of_its_protocol())
    }

    async fn give_up(&self, path: &Path, upload_id: &str) -> Result<(), StoreError> {
        match self.objects.abort_multipart(path, &upload_id.to_owned()).await {
            Ok(()) => Ok(()),
            Err(error) => match StoreError::of(&error) {
                error if error.problem == StoreProblem::NotFound => Ok(()),
                error => Err(error),
            },
        }
    }
}

fn none_of_its_protocol() -> StoreError {
    StoreError::new(StoreProblem::Refused, "the store's answer is none of its protocol")
}

/// Files below a prefix that are being written, with what they become and when they were written last.
async fn staged(root: PathBuf, prefix: Path) -> Result<Vec<(PathBuf, Path, Timestamp)>, StoreError> {
    let (mut staged, mut folders) = (Vec::new(), vec![prefix]);
    while let Some(folder) = folders.pop() {
        let mut entries = match tokio::fs::read_dir(root.join(folder.as_ref())).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.map_err(|error| StoreError::from(&error))?,
        };
        while let Some(entry) = entries.next_entry().await.map_err(|error| StoreError::from(&error))? {
            let (name, Ok(about)) = (entry.file_name(), entry.metadata().await) else {
                continue;
            };
            let Some(name) = name.to_str() else { continue };
            if about.is_dir() {
                folders.push(folder.clone().join(name));
            } else if name.split_once('#').is_some_and(|(becomes, _)| becomes == DATA) {
                let written = about.modified().unwrap_or(SystemTime::now());
                let written = Timestamp::try_from(written).unwrap_or(Timestamp::MAX);
                staged.push((entry.path(), folder.clone().join(DATA), written));
            }
        }
    }
    Ok(staged)
}
