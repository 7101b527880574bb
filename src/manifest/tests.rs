use super::*;

/// Line and content of each part, and its document.
fn read(text: &str) -> Vec<(usize, usize, Result<String, String>)> {
    let parts = parts(text.as_bytes()).into_iter();
    let told = |content| match content {
        Content::Object(object) => Ok(object.to_json()),
        Content::Page(page) => Err(format!("page, {:?} missing", page.missing)),
        Content::Broken(mistakes) => Err(mistakes.to_string()),
    };
    parts
        .map(|part| (part.document, part.line, told(part.content)))
        .collect()
}

fn object(document: usize, line: usize, json: &str) -> (usize, usize, Result<String, String>) {
    (document, line, Ok(json.to_owned()))
}

#[test]
fn takes_documents_apart_and_leaves_empty_ones_out() {
    let text = "---\n# a\n\n---\nkind: A\n--- # next\n\nkind: B\n---\n";
    assert_eq!(
        read(text),
        [
            object(1, 5, r#"{"kind":"A"}"#),
            object(2, 8, r#"{"kind":"B"}"#)
        ]
    );
    assert_eq!(read(""), []);
    assert_eq!(read("null\n"), []);
}

#[test]
fn a_broken_document_leaves_the_others_as_they_are() {
    let parts = read("kind: A\n---\nkind: B\ndata: {a: b\n---\nkind: C\n");
    assert_eq!(parts[0], object(1, 1, r#"{"kind":"A"}"#));
    let (document, line, content) = &parts[1];
    assert_eq!((*document, *line), (2, 5));
    assert!(content.is_err());
    assert_eq!(parts[2], object(3, 6, r#"{"kind":"C"}"#));
}

#[test]
fn a_key_that_stands_twice_is_not_guessed_at() {
    for text in [
        "kind: A\nkind: B\n",
        r#"{"kind":"A","kind":"B"}"#,
        r#"{"kind": "List", "items": [], "items": [{"kind": "A"}]}"#,
    ] {
        let parts = read(text);
        assert!(parts[0].2.is_err(), "{parts:?}");
    }
}

#[test]
fn lists_are_taken_apart_whatever_their_kind() {
    let yaml = "apiVersion: v1\nkind: Anything\nitems:\n- apiVersion: v1\n  kind: A\n-\n  apiVersion: v1\n  kind: B\n";
    assert_eq!(
        read(yaml),
        [
            object(1, 4, r#"{"apiVersion":"v1","kind":"A"}"#),
            object(1, 7, r#"{"apiVersion":"v1","kind":"B"}"#),
        ]
    );
    let json = "{\"kind\": \"List\",\n\"items\": [\n{\"apiVersion\": \"v1\", \"kind\": \"A\"}]}\n{\"kind\": \"C\"}";
    assert_eq!(
        read(json),
        [
            object(1, 3, r#"{"apiVersion":"v1","kind":"A"}"#),
            object(2, 4, r#"{"kind":"C"}"#),
        ]
    );
}

#[test]
fn items_without_a_kind_have_the_lists() {
    let list = "{\"apiVersion\": \"rbac.authorization.k8s.io/v1\", \"kind\": \"RoleBindingList\", \"items\": [{\"metadata\": {}}]}";
    let expected =
        r#"{"metadata":{},"kind":"RoleBinding","apiVersion":"rbac.authorization.k8s.io/v1"}"#;
    assert_eq!(read(list), [object(1, 1, expected)]);
    let as_yaml = format!("# the same\n{list}");
    assert_eq!(read(&as_yaml), [object(1, 2, expected)]);
}

#[test]
fn yaml_that_begins_like_json_is_yaml() {
    assert_eq!(
        read("{kind: A}\n---\nkind: B\n"),
        [
            object(1, 1, r#"{"kind":"A"}"#),
            object(2, 3, r#"{"kind":"B"}"#)
        ]
    );
}

#[test]
fn what_is_no_object_is_said_with_its_line() {
    let foreign = |place| Err(format!("{place}: expected an object, found a list"));
    assert_eq!(read("- a\n"), [(1, 1, foreign("1:1"))]);
    assert_eq!(read("kind: A\n---\n\n[]\n")[1], (2, 4, foreign("4:1")));
    let broken = read("{\"kind\": \"A\"}\n{\"kind\": \n");
    assert_eq!((broken[1].0, broken[1].1), (2, 3), "{broken:?}");
    assert!(broken[1].2.as_ref().unwrap_err().starts_with("3:1: EOF"));
}

#[test]
fn line_breaks_are_those_of_yaml_1_1() {
    for line_break in ['\u{85}', '\u{2028}', '\u{2029}', '\r'] {
        let commented = format!("kind: A\n# b{line_break}name: c\n");
        let expected = r#"{"kind":"A","name":"c"}"#;
        assert_eq!(read(&commented), [object(1, 1, expected)]);
        let hidden = format!("kind: A\n---\n# b{line_break}kind: B\n");
        let parts = read(&hidden);
        assert_eq!(parts[1].2, Ok(r#"{"kind":"B"}"#.to_owned()));
        let twice = format!("kind: A\n# b{line_break}kind: c\n");
        assert!(read(&twice)[0].2.as_ref().unwrap_err().contains("twice"));
        let after_name = format!("{{kind: A{line_break}}}\n");
        assert_eq!(read(&after_name), [object(1, 1, r#"{"kind":"A"}"#)]);
    }
}

#[test]
fn a_tab_is_told_with_its_own_line() {
    let parts = read("a: 1\nkind: A\n\tb: c\n");
    let (_, line, content) = &parts[0];
    assert_eq!(*line, 3, "{content:?}");
}

#[test]
fn text_after_dashes_is_named() {
    let parts = read("kind: A\n--- what\nkind: B\n");
    assert_eq!(parts[0], object(1, 1, r#"{"kind":"A"}"#));
    let said = "2:4: `what` after `---`, which kubectl does not take; begin a new line";
    assert_eq!(parts[1], (2, 2, Err(said.to_owned())));
    assert_eq!(parts[2], object(3, 3, r#"{"kind":"B"}"#));
}

#[test]
fn what_kubectl_would_leave_out_is_refused() {
    for text in [
        "kind: A\n...\nkind: B\n",
        "kind: A\u{85}---\u{85}kind: B\n",
        "%YAML 1.1\n---\nkind: A\n",
    ] {
        assert!(read(text)[0].2.is_err(), "{text:?}: {:?}", read(text));
    }
}

#[test]
fn keys_are_merged_as_kubectl_does_or_not_at_all() {
    let value = |yaml: &str| read(yaml)[0].2.clone();
    assert_eq!(
        value("a: &a {x: 1, q: 2}\nb: {<<: *a, q: 3}\n").unwrap(),
        r#"{"a":{"x":1,"q":2},"b":{"x":1,"q":3}}"#
    );
    assert_eq!(
        value("a: &a {x: 1}\nb: &b {x: 2}\nc: {<<: [*a, *b]}\n").unwrap(),
        r#"{"a":{"x":1},"b":{"x":2},"c":{"x":1}}"#
    );
    // kubectl takes 1, others take 3.
    assert!(value("a: &a {x: 1}\nb: {x: 3, <<: *a}\n").is_err());
    assert!(value("a: {<<: b}\n").is_err());
    assert!(value("a: &a {b: *a}\n").is_err());
    assert_eq!(value("{\"<<\": 1}").unwrap(), r#"{"<<":1}"#);
}

#[test]
fn keys_and_words_are_those_of_kubectl() {
    let value = |yaml: &str| read(yaml)[0].2.clone();
    assert_eq!(
        value("{yes: on, 0x10: no, a: 1_000, b: 2027-06-30, c: '017', d: !!str 7, e: !x 7}")
            .unwrap(),
        r#"{"true":true,"16":false,"a":1000,"b":"2027-06-30","c":"017","d":"7","e":"7"}"#
    );
    for text in [
        "{~: a}",
        "{1.5: a}",
        "{[a]: b}",
        "a: .nan",
        "a: !!binary eA==",
        "a: !!int x",
    ] {
        assert!(value(text).is_err(), "{text}");
    }
}

#[test]
fn an_item_that_is_null_is_an_empty_object_of_the_kind_of_its_list() {
    let list = "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBindingList\nitems:\n-\n";
    let binding = r#"{"kind":"RoleBinding","apiVersion":"rbac.authorization.k8s.io/v1"}"#;
    assert_eq!(read(list), [object(1, 4, binding)]);
}

#[test]
fn a_page_of_a_list_is_told() {
    let list = "{\"kind\": \"RoleBindingList\", \"metadata\": {\"continue\": \"x\", \"remainingItemCount\": 997}, \"items\": []}";
    assert_eq!(
        read(list),
        [(1, 1, Err(String::from("page, Some(997) missing")))]
    );
    let list = "kind: List\nmetadata: {continue: x}\nitems: []\n";
    assert_eq!(
        read(list),
        [(1, 1, Err(String::from("page, None missing")))]
    );
    let list = "kind: List\nmetadata: {continue: '', remainingItemCount: 0}\nitems: []\n";
    assert_eq!(read(list), []);
}

#[test]
fn what_is_nested_deeply_is_refused() {
    for text in [
        "[".repeat(1_000_000),
        format!("{{\"a\": {}", "[".repeat(1_000_000)),
        format!(
            "{{\"a\": {}{}}}",
            "[".repeat(1_000_000),
            "]".repeat(1_000_000)
        ),
        "- ".repeat(1_000_000),
        "a: {".repeat(100_000),
    ] {
        assert!(read(&text)[0].2.is_err());
    }
}

fn recognized(yaml: &str) -> String {
    let parts = parts(yaml.as_bytes());
    let Content::Object(object) = &parts[0].content else {
        panic!("{parts:?}");
    };
    match object.recognized() {
        Recognized::Judged(kind) => kind.to_string(),
        Recognized::Meant(mistake) => mistake.to_string(),
        Recognized::Other(kind) => format!("other: {kind}"),
    }
}

#[test]
fn what_was_plainly_meant_is_named() {
    let rbac = "rbac.authorization.k8s.io/v1";
    for (yaml, expected) in [
        (format!("{{apiVersion: {rbac}, kind: Role}}"), "Role"),
        (
            format!("{{apiVersion: {rbac}, kind: Rolebinding}}"),
            "1:50: kind: `Rolebinding` is no kind of rbac.authorization.k8s.io; did you mean \"RoleBinding\"?",
        ),
        (
            format!("{{apiVersion: {rbac}, kind: ConfigMap}}"),
            "1:50: kind: `ConfigMap` is no kind of rbac.authorization.k8s.io; known are ClusterRole, Role, RoleBinding, ClusterRoleBinding",
        ),
        (
            format!("{{apiVersion: {rbac}beta1, kind: Role}}"),
            "1:14: apiVersion: `rbac.authorization.k8s.io/v1beta1` has no Role that is served; did you mean \"rbac.authorization.k8s.io/v1\"?",
        ),
        (
            String::from("{apiVersion: v1, kind: RoleBinding}"),
            "1:14: apiVersion: `v1` has no RoleBinding that is served; did you mean \"rbac.authorization.k8s.io/v1\"?",
        ),
        (
            String::from("{apiVersion: rbac.authorisation.k8s.io/v1, kind: RoleBinding}"),
            "1:14: apiVersion: `rbac.authorisation.k8s.io/v1` has no RoleBinding that is served; did you mean \"rbac.authorization.k8s.io/v1\"?",
        ),
        (
            String::from("{kind: ClusterRoleBindings, roleRef: {}}"),
            "1:8: kind: `ClusterRoleBindings` is no kind of rbac.authorization.k8s.io; did you mean \"ClusterRoleBinding\"?",
        ),
        (
            String::from("{apiVersion: v1, roleRef: {}}"),
            "1:1: kind: is missing; known are ClusterRole, Role, RoleBinding, ClusterRoleBinding",
        ),
        (
            format!("{{apiVersion: {rbac}, kind: RoleBindingList, metadata: {{}}}}"),
            "1:1: items: is no list; a List without `items` applies nothing",
        ),
        (
            format!(
                "{{apiVersion: v1, kind: Template, objects: [{{apiVersion: {rbac}, kind: Role}}]}}"
            ),
            "1:43: objects: holds a Role, which kubectl does not apply from there; check what it becomes: oc process -f FILE | palette-rbac check -f -",
        ),
        (
            String::from("{apiVersion: iam.aws.upbound.io/v1, kind: Role}"),
            "other: Role",
        ),
        (
            String::from("{apiVersion: rbac.istio.io/v1alpha1, kind: ServiceRoleBinding}"),
            "other: ServiceRoleBinding",
        ),
        (String::from("{apiVersion: v1, kind: Node}"), "other: Node"),
        (String::from("{replicas: 3}"), "other: "),
    ] {
        assert_eq!(recognized(&yaml), expected, "{yaml}");
    }
}

#[test]
fn a_large_dump_is_within_the_limits() {
    let text = format!("kind: A\nlist: [{}]\n", "a,".repeat(300_000));
    assert!(read(&text)[0].2.is_ok());
}

#[test]
fn repetition_by_aliases_is_limited() {
    let tenfold = |level: usize| {
        let before = format!("*a{}", level - 1);
        format!("a{level}: &a{level} [{}]", vec![before; 10].join(", "))
    };
    let first = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]");
    let lines: Vec<String> = std::iter::once(first).chain((1..9).map(tenfold)).collect();
    assert!(read(&lines.join("\n"))[0].2.is_err());
}

#[test]
fn what_readers_do_not_agree_on_or_cannot_read_is_refused() {
    for (text, expected) in [
        (
            "a: &r {b: &r c}\nd: *r\n",
            "1:11: `&r` stands within what `&r` names",
        ),
        (
            "kind: A\nitems:\n",
            "2:7: items: expected a list: kubectl takes an object with `items` for a List, and applies nothing else of it",
        ),
        (
            "\u{feff}kind: A\nmetadata:\n\u{feff}  name: b\n",
            "3:1: a byte order mark (U+FEFF) within the text; take it out, or write \"\\uFEFF\" if it is meant",
        ),
        (
            "kind: A\nlist: [!str, b]\n",
            "2:8: the YAML from here on cannot be read; a tag, as `!!str`, needs a blank after it",
        ),
    ] {
        let read = read(text);
        assert_eq!(read[0].2.as_ref().unwrap_err(), expected, "{text}");
    }
}
