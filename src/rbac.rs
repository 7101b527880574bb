//! Kubernetes' RBAC rules: normal form, covers, scope, aggregation, what they mean for virtual machines.
//!
//! Matching follows the API server's own (`pkg/apis/rbac/v1/evaluation_helpers.go`), comparing its escalation check
//! (`k8s.io/component-helpers/auth/rbac/validation`). Nothing here knows a cluster, a subject or Palette.

pub mod capabilities;
pub mod escalation;

mod aggregation;
mod lookup;
mod policy_rule;
mod rules;
mod scope;
mod steps;
mod words;

pub use aggregation::{AggregationRule, LabelSelector, Labels, Operator, SelectorRequirement};
pub(crate) use aggregation::{Wanted, labels as read_labels};
pub use capabilities::{Capabilities, Capability, Level};
pub use policy_rule::PolicyRule;
pub use rules::{Atom, Atoms, Relation, Rules};
pub use scope::{ClusterScoped, cluster_scoped};
#[cfg(any(test, fuzzing))]
pub use steps::counted as steps_counted;
pub use words::Words;

/// The API group of roles and bindings.
pub const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

/// Its only version that is served since Kubernetes 1.22.
pub const RBAC_API_VERSION: &str = "rbac.authorization.k8s.io/v1";
