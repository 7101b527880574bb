use std::path::PathBuf;

use crate::page::Page;

/// Links within the project whose file or heading is not there.
pub(crate) fn broken(page: &Page) -> Vec<String> {
    let targets = page.prose().into_iter().flat_map(targets);
    let inner = targets.filter(|target| !target.contains("://"));
    inner
        .filter(|target| !leads_somewhere(page, target))
        .map(|target| format!("`{target}` leads nowhere"))
        .collect()
}

/// What stands in the round brackets of `[text](target)`.
fn targets(line: &str) -> Vec<&str> {
    let after = line.split("](").skip(1);
    after
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .collect()
}

fn leads_somewhere(page: &Page, target: &str) -> bool {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let file = file(page, path);
    match (file.exists(), anchor) {
        (false, _) => false,
        (true, "") => true,
        (true, anchor) => has_anchor(&Page::read(file), anchor),
    }
}

fn file(page: &Page, path: &str) -> PathBuf {
    if path.is_empty() {
        return page.path.clone();
    }
    page.path.parent().unwrap().join(path)
}

fn has_anchor(page: &Page, anchor: &str) -> bool {
    page.text.contains(&format!("<a id=\"{anchor}\">"))
        || page
            .headings()
            .into_iter()
            .any(|heading| slug(heading) == anchor)
}

/// How GitHub makes an anchor of a heading.
fn slug(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|character| character.is_alphanumeric() || " -_".contains(*character));
    let kept: String = kept.collect();
    kept.to_lowercase().replace(' ', "-")
}
