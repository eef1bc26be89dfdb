use std::collections::HashMap;
use std::sync::Arc;

use ace_domain::inputs::SourceTree;

/// Trees by digest; the least recently used are evicted above `limit` bytes, what was learned of them included.
#[derive(Debug)]
pub(super) struct Trees {
    limit: usize,
    uses: u64,
    held: HashMap<String, Held>,
}

#[derive(Debug)]
struct Held {
    tree: Arc<SourceTree>,
    used: u64,
}

impl Trees {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            uses: 0,
            held: HashMap::new(),
        }
    }

    /// The tree of a digest, which counts as a use of it.
    pub(super) fn get(&mut self, digest: &str) -> Option<Arc<SourceTree>> {
        self.uses += 1;
        let held = self.held.get_mut(digest)?;
        held.used = self.uses;
        let tree = held.tree.clone();
        // More may have been learned of it since it was added.
        self.evict();
        Some(tree)
    }

    /// Adds a tree. The newest is never evicted, even if it alone exceeds the limit: it is about to be used by many.
    pub(super) fn put(&mut self, digest: &str, tree: Arc<SourceTree>) {
        self.uses += 1;
        let held = Held { tree, used: self.uses };
        self.held.insert(digest.to_owned(), held);
        self.evict();
    }

    fn evict(&mut self) {
        let bytes = |held: &HashMap<String, Held>| held.values().map(|held| held.tree.bytes()).sum::<usize>();
        while self.held.len() > 1 && bytes(&self.held) > self.limit {
            let Some(oldest) = self
                .held
                .iter()
                .min_by_key(|(_, held)| held.used)
                .map(|(digest, _)| digest.clone())
            else {
                return;
            };
            self.held.remove(&oldest);
        }
    }

    /// Evicts all trees whose digest is not used any more.
    pub(super) fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.held.retain(|digest, _| wanted(digest));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ace_domain::{bundle::Tree, inputs::SourceTree};
    use bytes::Bytes;

    use super::Trees;

    fn tree(bytes: usize) -> Arc<SourceTree> {
        Arc::new(SourceTree::new(
            Tree::from_keys([("a.ts", Bytes::from(vec![b' '; bytes]))]).unwrap(),
        ))
    }

    #[test]
    fn the_tree_that_was_not_used_for_longest_goes_first_and_the_newest_never() {
        let mut trees = Trees::new(25_000);
        trees.put("a", tree(10_000));
        trees.put("b", tree(10_000));
        assert!(trees.get("a").is_some());
        trees.put("c", tree(10_000));
        assert_eq!(
            ["a", "b", "c"].map(|digest| trees.get(digest).is_some()),
            [true, false, true]
        );
        trees.put("d", tree(1_000_000));
        assert_eq!(
            ["a", "c", "d"].map(|digest| trees.get(digest).is_some()),
            [false, false, true]
        );
    }

    #[test]
    fn a_digest_that_nobody_names_any_more_is_given_up() {
        let mut trees = Trees::new(25_000);
        trees.put("a", tree(10));
        trees.put("b", tree(10));
        trees.retain(|digest| digest == "b");
        assert_eq!(["a", "b"].map(|digest| trees.get(digest).is_some()), [false, true]);
    }
}
