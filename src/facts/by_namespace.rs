use std::collections::BTreeMap;
use std::sync::Arc;

/// Values by namespace and name, those of the cluster under no namespace; sorted, and copied on write by namespace.
#[derive(Debug, Clone)]
pub(super) struct ByNamespace<V>(BTreeMap<Arc<str>, Arc<BTreeMap<Arc<str>, V>>>);

impl<V> Default for ByNamespace<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V> ByNamespace<V> {
    pub(super) fn get(&self, namespace: Option<&str>, name: &str) -> Option<&V> {
        self.0.get(namespace.unwrap_or_default())?.get(name)
    }

    /// All of a namespace, or of the cluster.
    pub(super) fn within(&self, namespace: Option<&str>) -> impl Iterator<Item = (&Arc<str>, &V)> {
        let of_one = self.0.get(namespace.unwrap_or_default());
        of_one.into_iter().flat_map(|names| names.iter())
    }

    /// The namespaces that have something.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.0
            .keys()
            .map(|name| &**name)
            .filter(|name| !name.is_empty())
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values().flat_map(|names| names.values())
    }
}

impl<V: Clone> ByNamespace<V> {
    pub(super) fn insert(&mut self, namespace: Option<&Arc<str>>, name: &Arc<str>, value: V) {
        Arc::make_mut(self.names(namespace)).insert(Arc::clone(name), value);
    }

    pub(super) fn remove(&mut self, namespace: Option<&str>, name: &str) -> Option<V> {
        let namespace = namespace.unwrap_or_default();
        let names = self.0.get_mut(namespace)?;
        if !names.contains_key(name) {
            return None;
        }
        let removed = Arc::make_mut(names).remove(name);
        if names.is_empty() {
            self.0.remove(namespace);
        }
        removed
    }

    /// The value, made first if there is none.
    pub(super) fn entry(&mut self, namespace: Option<&Arc<str>>, name: &Arc<str>) -> &mut V
    where
        V: Default,
    {
        let names = Arc::make_mut(self.names(namespace));
        names.entry(Arc::clone(name)).or_default()
    }

    fn names(&mut self, namespace: Option<&Arc<str>>) -> &mut Arc<BTreeMap<Arc<str>, V>> {
        let namespace = namespace.map_or_else(|| "".into(), Arc::clone);
        self.0.entry(namespace).or_default()
    }
}
