//! Names as Kubernetes takes them.

use super::{TEMPLATE, is_template};

/// Why Kubernetes would refuse a namespace (`IsDNS1123Label`); nothing if it would not.
pub(super) fn namespace(name: &str) -> Option<String> {
    let is_good = name.len() <= 63 && is_label(name);
    (!is_good).then(|| {
        refused(
            name,
            "no name of a namespace: lower-case letters, digits and `-` inside, 63 at most",
        )
    })
}

/// Why it would refuse the name of a `ServiceAccount` (`IsDNS1123Subdomain`).
pub(super) fn service_account(name: &str) -> Option<String> {
    let is_good = name.len() <= 253 && name.split('.').all(is_label);
    (!is_good).then(|| {
        refused(
            name,
            "no name of a ServiceAccount: lower-case letters, digits, `-` and `.` inside, 253 at most",
        )
    })
}

/// Why it would refuse the name of a binding or role (`IsPathSegmentName`): it stands in a URL.
pub(super) fn in_url(name: &str) -> Option<String> {
    let is_good = !matches!(name, "." | "..") && !name.contains(['/', '%']);
    (!is_good || is_template(name))
        .then(|| refused(name, "no name that Kubernetes takes: it is part of a URL"))
}

fn is_label(label: &str) -> bool {
    let is_end = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let bytes = label.as_bytes();
    is_end(bytes.first())
        && is_end(bytes.last())
        && label
            .bytes()
            .all(|byte| byte == b'-' || is_end(Some(&byte)))
}

fn refused(name: &str, why: &str) -> String {
    let shown: String = name
        .chars()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if is_template(name) {
        format!("`{shown}`: {TEMPLATE}")
    } else {
        format!("`{shown}` is {why}")
    }
}

/// Characters.
const SHOWN: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_kubernetes_takes() {
        for good in ["vms", "55555", "a-b", "a"] {
            assert_eq!(namespace(good), None, "{good}");
            assert_eq!(service_account(good), None, "{good}");
        }
        for bad in ["", "Vms", "a_b", "-a", "a-", "a.b", "ä", &"a".repeat(64)] {
            assert!(namespace(bad).is_some(), "{bad}");
        }
        assert_eq!(service_account("a.b"), None);
        assert!(service_account("a..b").is_some());
        for good in ["system:node", "Ines Orchard", "a b", "..."] {
            assert_eq!(in_url(good), None, "{good}");
        }
        for bad in ["a/b", "100%", ".", ".."] {
            assert!(in_url(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn knows_a_template() {
        for said in [
            namespace("{{ .Release.Namespace }}"),
            in_url("{{ .Values.name }}"),
        ] {
            assert!(said.unwrap().contains("helm template"));
        }
    }
}
