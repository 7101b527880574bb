use super::{PathRule, Rules, TargetRule, Verbs, paths, targets};

/// Whether nothing is missing; stops at the first that is.
pub(super) fn covers(owner: &Rules, servant: &Rules) -> bool {
    let has_target = |target| missing_verbs(owner, target).is_empty();
    let has_path = |path| missing_path_verbs(owner, path).is_empty();
    servant.targets.iter().all(has_target) && servant.paths.iter().all(has_path)
}

/// The part of the servant's rules that the owner does not have.
pub(super) fn missing(owner: &Rules, servant: &Rules) -> Rules {
    let targets: Vec<TargetRule> = servant
        .targets
        .iter()
        .map(|target| TargetRule {
            verbs: missing_verbs(owner, target),
            ..target.clone()
        })
        .filter(|target| !target.verbs.is_empty())
        .collect();
    let paths: Vec<PathRule> = servant
        .paths
        .iter()
        .map(|path| path.with(missing_path_verbs(owner, path)))
        .filter(|path| !path.verbs.is_empty())
        .collect();
    Rules {
        targets: targets.into(),
        paths: paths.into(),
    }
}

/// Whether some request is allowed by both.
pub(super) fn overlap(one: &Rules, two: &Rules) -> bool {
    let meets = |target: &TargetRule| two.targets.iter().any(|other| target.overlaps(other));
    let meets_path = |path: &PathRule| two.paths.iter().any(|other| path.overlaps(other));
    one.targets.iter().any(meets) || one.paths.iter().any(meets_path)
}

/// Verb by verb an entry is as small as Kubernetes' own comparison makes it, and one entry of the owner must do.
fn missing_verbs(owner: &Rules, target: &TargetRule) -> Verbs {
    targets::covering(&owner.targets, target).fold(target.verbs.clone(), |verbs, wider| {
        verbs.without(&wider.verbs)
    })
}

fn missing_path_verbs(owner: &Rules, path: &PathRule) -> Verbs {
    paths::covering(&owner.paths, path).fold(path.verbs.clone(), |verbs, wider| {
        verbs.without(&wider.verbs)
    })
}
