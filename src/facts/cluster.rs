//! What a decision knows of the cluster, and on whose word.

use super::View;

/// What a decision knows of the cluster.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cluster<'v> {
    /// Its roles and bindings; without them, roles are judged by their names only.
    pub view: Option<&'v View>,
    /// Whose word the view's is on the role that the request names.
    pub role_read: RoleRead,
    /// Whether the watch has been away for so long that the view's word is good for no role that was not read anew.
    pub is_lost: bool,
}

/// Whether the API server was asked for the role that a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RoleRead {
    /// It cannot be: the view is all there is, as when files are judged.
    #[default]
    Never,
    /// It can be, and was not yet.
    Possible,
    /// It was, and the view has what it said.
    Done,
    /// It was, and did not say.
    Failed,
}

impl<'v> Cluster<'v> {
    /// A cluster of which there is no more to know than this.
    pub fn seen(view: &'v View) -> Self {
        Self {
            view: Some(view),
            role_read: RoleRead::Never,
            is_lost: false,
        }
    }
}
