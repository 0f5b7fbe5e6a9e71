//! A list that grows at its end and is cheap to clone: full chunks are shared, and a change after a clone copies one chunk.

use std::sync::Arc;

/// How many elements are copied at most.
const CHUNK: usize = 256;

#[derive(Clone, Debug)]
pub(super) struct Chunks<T> {
    full: Arc<Vec<Arc<Vec<T>>>>,
    open: Arc<Vec<T>>,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Chunks {
            full: Arc::default(),
            open: Arc::default(),
        }
    }
}

impl<T: Clone> Chunks<T> {
    pub(super) fn len(&self) -> usize {
        self.full.len() * CHUNK + self.open.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<&T> {
        match self.full.get(at / CHUNK) {
            Some(chunk) => chunk.get(at % CHUNK),
            None => self.open.get(at - self.full.len() * CHUNK),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.full
            .iter()
            .flat_map(|chunk| chunk.iter())
            .chain(self.open.iter())
    }

    pub(super) fn push(&mut self, element: T) {
        let open = Arc::make_mut(&mut self.open);
        open.reserve_exact(CHUNK - open.len());
        open.push(element);
        if open.len() == CHUNK {
            let chunk = std::mem::take(&mut self.open);
            Arc::make_mut(&mut self.full).push(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_shares_what_is_full_and_never_sees_what_comes_later() {
        let mut list = Chunks::default();
        (0..1000).for_each(|number| list.push(number));
        let before = list.clone();
        (1000..2000).for_each(|number| list.push(number));
        assert_eq!(
            (before.len(), before.get(999), before.get(1000)),
            (1000, Some(&999), None)
        );
        assert!((0..2000).all(|number| list.get(number) == Some(&number)));
        assert_eq!(list.get(2000), None);
        assert!(Arc::ptr_eq(&before.full[2], &list.full[2]));
    }
}
