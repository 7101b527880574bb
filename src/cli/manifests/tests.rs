use super::*;

/// Line and content of each part, and its document.
fn read(text: &str) -> Vec<(usize, usize, Result<String, String>)> {
    let parts = parts(text).into_iter();
    parts
        .map(|part| (part.document, part.line, part.content))
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
    assert_eq!((*document, *line), (2, 4));
    assert!(content.is_err());
    assert_eq!(parts[2], object(3, 6, r#"{"kind":"C"}"#));
}

#[test]
fn a_key_that_stands_twice_is_not_guessed_at() {
    for text in [
        "kind: A\nkind: B\n",
        r#"{"kind": "List", "items": [], "items": [{"kind": "A"}]}"#,
    ] {
        let parts = read(text);
        assert!(parts[0].2.is_err(), "{parts:?}");
    }
    // What an object means is for its reader to say, so JSON is handed on as it is.
    let twice = r#"{"kind":"A","kind":"B"}"#;
    assert_eq!(read(twice), [object(1, 1, twice)]);
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
            object(1, 3, r#"{"apiVersion": "v1", "kind": "A"}"#),
            object(2, 4, r#"{"kind": "C"}"#),
        ]
    );
}

#[test]
fn items_without_a_kind_have_the_lists() {
    let list = "{\"apiVersion\": \"rbac.authorization.k8s.io/v1\", \"kind\": \"RoleBindingList\", \"items\": [{\"metadata\": {}}]}";
    let expected =
        r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{}}"#;
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
    let foreign = Err(String::from("is not an object"));
    assert_eq!(read("- a\n"), [(1, 1, foreign.clone())]);
    assert_eq!(read("kind: A\n---\n\ntrue\n")[1], (2, 4, foreign));
    let broken = read("{\"kind\": \"A\"}\n{\"kind\": }\n");
    assert_eq!((broken[1].0, broken[1].1), (2, 2));
    assert!(!broken[1].2.as_ref().unwrap_err().contains("line"));
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
