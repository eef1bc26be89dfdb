//! What the operator in memory knows of a function when a pass begins.

use std::sync::Arc;

use ace_api::EdgeFunction;
use ace_domain::{
    bundle::Closure,
    kinds::edge_function::{
        self, Claimant, Member, PlatformFacts, PlatformState, ProjectAccess, SourceState, State, blockers,
    },
    reconcile::{
        dependency::{Dependency, Fact},
        key::Key,
        timing::Timing,
    },
};

use super::{
    fleet::{Fleet, INTERVAL},
    index::id,
    outside::{PROJECT, content},
};

impl Fleet {
    pub(crate) fn observe(&self, at: usize) -> State {
        let managed = &self.objects[at];
        let object = &managed.object;
        let slug = object.slug();
        let claimants = self
            .objects
            .iter()
            .map(|managed| &managed.object)
            .filter(|other| other.slug() == slug && edge_function::claims(other));
        let claimants: Vec<Claimant> = claimants
            .map(|other| Claimant {
                key: Key::of(other),
                access: ProjectAccess::Listed,
                created: other.metadata.creation_timestamp.clone().unwrap().0,
                uid: other.metadata.uid.clone().unwrap(),
            })
            .collect();
        let uid = object.metadata.uid.clone().unwrap();
        let claim = edge_function::claim(&Key::of(object), &uid, &claimants);
        let members = self
            .objects
            .iter()
            .filter(|other| other.object.metadata.uid != object.metadata.uid);
        let members = members.map(|other| Member {
            object: &other.object,
            wants: Some(self.wants(&other.object).digest().to_string()),
        });
        // As the operator reads it off its connection and the index.
        let (dependents, id) = (&self.index.dependents, id(&self.platform));
        let (listed, answering) = (
            self.observation.listed().is_some(),
            self.observation.failing().is_none(),
        );
        if listed && !answering && !Timing::default().is_lost(self.observation.seen(), INTERVAL, self.now()) {
            dependents.unsettle(&id, &Dependency::Reachability(id.key.clone()));
        }
        let message = match dependents.fact(&id, &Dependency::PlatformMessage(id.key.clone())) {
            Some(Fact::Is(message)) => Some(message),
            _ => None,
        };
        State {
            timing: Timing::default(),
            began: self.now(),
            memo: object.status.clone().unwrap_or_default(),
            platform: PlatformState::Present(PlatformFacts {
                project: PROJECT.to_owned(),
                gateway: format!("https://{PROJECT}.supabase.co"),
                requests_per_minute: 60,
                interval: INTERVAL,
                suspended: false,
                leaving: false,
                seen: self.observation.seen(),
                first_check_done: message.is_some(),
                listed,
                answering,
                down: None,
                refusing: None,
                message: self
                    .observation
                    .failing()
                    .map(ToOwned::to_owned)
                    .or(message)
                    .unwrap_or_default(),
                anon_key: true,
            }),
            claim,
            source: SourceState::Ready {
                content: self.wants(object),
                artifact_revision: "main".to_owned(),
                secret_files: None,
            },
            blockers: blockers(object.spec.wave, members),
            listing: self.observation.listing(&slug),
            secrets: None,
            migrations: None,
            memory: edge_function::Memory {
                failures: managed.kept.failures(),
                ..managed.kept.memory.clone()
            },
            step_error: None,
        }
    }

    pub(crate) fn wants(&self, object: &EdgeFunction) -> Arc<Closure> {
        content(&object.slug(), self.tree[&object.slug()])
    }
}
