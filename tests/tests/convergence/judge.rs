//! What must hold of every write, to the platform and to a status.

use ace_api::{EdgeFunctionStatus, PlatformStatus};
use ace_domain::{kinds::edge_function::State, reconcile::timing::Timing};
use ace_tests::kstatus;
use serde_json::Value;

use super::{
    fleet::{Fleet, INTERVAL},
    outside::text_with,
};

impl Fleet {
    /// Foreign content is only overwritten when it lies in an archive, or is what was applied or is wanted.
    pub(crate) fn judge_overwrite(&mut self, slug: &str, state: &State) {
        let Some((text, false, _)) = self.outside.truth(slug) else {
            return;
        };
        if self.outside.stale.is_some() {
            return;
        }
        let applied = state
            .memo
            .applied
            .as_ref()
            .and_then(|applied| text_with(slug, &applied.source_digest));
        let stamp = self.outside.get(slug).unwrap().stamp;
        let kept = self
            .foreign
            .iter()
            .any(|kept| (&kept.id, kept.version) == (&stamp.id, stamp.version));
        if !kept && applied != Some(text) {
            self.outside.faults.push(format!(
                "{slug}: {text} of somebody else was overwritten without an archive"
            ));
        }
    }

    pub(crate) fn write_platform(&mut self, status: PlatformStatus) {
        let object = &mut self.platform.object;
        if object.status.as_ref() == Some(&status) {
            return;
        }
        let before = serde_json::to_value(&*object).unwrap();
        object.status = Some(status);
        let after = serde_json::to_value(&*object).unwrap();
        self.judge(&before, &after);
        self.writes += 1;
        self.platform_arrives();
    }

    pub(crate) fn write(&mut self, at: usize, status: EdgeFunctionStatus, state: &State) {
        let object = &mut self.objects[at].object;
        if object.status.as_ref() == Some(&status) {
            return;
        }
        let before = serde_json::to_value(&*object).unwrap();
        let claimed = drifted(object.status.as_ref()) != Some("True") && drifted(Some(&status)) == Some("True");
        object.status = Some(status);
        let after = serde_json::to_value(&*object).unwrap();
        self.writes += 1;
        self.judge(&before, &after);
        self.arrives(at);
        if claimed {
            self.judge_claim(at, state);
        }
    }

    fn judge(&mut self, before: &Value, after: &Value) {
        let mut broken = kstatus::violations(after);
        broken.extend(kstatus::turns(before, after));
        let stalled = kstatus::condition(after, "Stalled").map(|c| c["message"].as_str().unwrap_or_default());
        let advice = ["change", "set ", "bring ", "delete ", "suspend", "find ", "download "];
        if stalled.is_some_and(|message| !advice.iter().any(|word| message.contains(word))) {
            broken.push(format!("a stalled state that names nothing to do: {stalled:?}"));
        }
        for rule in broken {
            self.outside
                .faults
                .push(format!("{}: {rule}", after["metadata"]["name"]));
        }
    }

    /// Drift that is claimed is there.
    fn judge_claim(&mut self, at: usize, state: &State) {
        let slug = self.objects[at].object.slug();
        if self.outside.stale.is_some() {
            return;
        }
        let truth = self.outside.truth(&slug);
        let applied = state.memo.applied.as_ref();
        let same = applied.is_some_and(|applied| {
            truth.is_some_and(|(text, _, rule)| {
                Some(text) == text_with(&slug, &applied.source_digest) && rule == applied.verify_jwt
            })
        });
        let in_sight = self.now() <= self.observation.seen() + Timing::default().lost_after(INTERVAL);
        if same || !in_sight {
            self.outside
                .faults
                .push(format!("{slug}: drift was claimed that is not there, or was not seen"));
        }
    }
}

fn drifted(status: Option<&EdgeFunctionStatus>) -> Option<&str> {
    let drifted = status?.common.conditions.iter().find(|c| c.type_ == "Drifted")?;
    Some(drifted.status.as_str())
}
