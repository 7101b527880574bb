//! Whether two roles have anything in common.

use super::paths::Path;
use super::table::Table;
use super::{ResourceRule, STEPS, UrlRule};

/// Whether some request is allowed by both; yes where it would cost too much to tell.
pub(super) fn overlap(one: &Table, two: &Table) -> bool {
    if cost(one, two) > STEPS {
        return true;
    }
    let meets = |rule| two.resource_rules().any(|other| meet(rule, other));
    let meets_urls = |rule| two.url_rules().any(|other| meet_urls(rule, other));
    one.resource_rules().any(meets) || one.url_rules().any(meets_urls)
}

/// Every word of one beside every word of the other.
fn cost(one: &Table, two: &Table) -> usize {
    one.lists.len().saturating_mul(two.lists.len())
}

fn meet(one: ResourceRule<'_>, two: ResourceRule<'_>) -> bool {
    let lists = |of: fn(ResourceRule<'_>) -> &[u32]| {
        move |is_shared: fn(&str, &str) -> bool| {
            one.in_words(of(one))
                .any(|word| two.in_words(of(two)).any(|other| is_shared(word, other)))
        }
    };
    lists(|rule| rule.groups)(are_alike)
        && lists(|rule| rule.verbs)(are_alike)
        && lists(|rule| rule.resources)(resources_overlap)
        && (one.names.is_empty() || two.names.is_empty() || lists(|rule| rule.names)(str::eq))
}

fn meet_urls(one: UrlRule<'_>, two: UrlRule<'_>) -> bool {
    let share = |url: &str| {
        let path = Path::new(url);
        two.in_words(two.urls)
            .any(|other| path.overlaps(Path::new(other)))
    };
    let may = |verb: &str| two.in_words(two.verbs).any(|other| are_alike(verb, other));
    one.in_words(one.urls).any(share) && one.in_words(one.verbs).any(may)
}

fn are_alike(one: &str, two: &str) -> bool {
    one == "*" || two == "*" || one == two
}

fn resources_overlap(one: &str, two: &str) -> bool {
    are_alike(one, two) || resource_covers(one, two) || resource_covers(two, one)
}

/// Whether the API server lets a rule for this resource stand for that one.
///
/// `*` is everything; `*/scale` is every resource's `scale`. Nothing else is a wildcard: `pods/*` and `*/*` are names
/// of subresources that nobody has.
pub(in crate::rbac) fn resource_covers(rule: &str, resource: &str) -> bool {
    let is_any_resource =
        |(_, sub): (&str, &str)| rule.strip_prefix("*/").is_some_and(|any| any == sub);
    rule == "*" || rule == resource || resource.split_once('/').is_some_and(is_any_resource)
}
