//! Roles as somebody would write them who wants this webhook to work hard, and one as everybody writes them.
//!
//! Each is no larger than what the API server stores.

use std::fmt::Write as _;

/// What a role allows, by what is unusual about it.
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// The role's rules in JSON.
    pub(crate) rules: String,
}

/// Every shape; the first is the ordinary one.
pub(crate) fn shapes() -> Vec<Shape> {
    let ordinary = shape("an ordinary role of 40 rules", &each(40, ordinary));
    let mut all = vec![ordinary];
    all.extend(with_long_lists());
    all.extend(with_many_rules());
    all
}

fn shape(name: &'static str, rules: &[String]) -> Shape {
    let rules = format!("[{}]", rules.join(","));
    Shape { name, rules }
}

fn with_long_lists() -> [Shape; 5] {
    let core = || vec![String::new()];
    let get = || vec!["get".to_owned()];
    let multiplied = rule(&words("g", 256), &words("r", 256), &[], &words("v", 256));
    let named = rule(&core(), &words("r", 19), &words("n", 3_400), &words("v", 3));
    let machines = words("virtualmachine", 32_000);
    let machines = rule(&GROUPS.map(String::from), &machines, &[], &get());
    let short = rule(&core(), &words("", 215_000), &[], &get());
    [
        shape(
            "1 rule: 256 groups, 256 resources, 256 verbs",
            &[multiplied],
        ),
        shape("1 rule: 19 resources, 3,400 names", &[named]),
        shape("1 rule: 32,000 resources called like machines", &[machines]),
        shape(
            "1 rule: 215,000 resources of four letters and less, too large to judge",
            &[short],
        ),
        shape(
            "1,700 URLs, each within the one before",
            &[nested_urls(1_700)],
        ),
    ]
}

fn with_many_rules() -> [Shape; 7] {
    let of_verb = |it| one("kubevirt.io", "virtualmachines", &format!("v{it}"));
    let of_resource = |it| one("kubevirt.io", &format!("virtualmachines{it}"), "get");
    let of_group = |it| one(&format!("g{it}.kubevirt.io"), "virtualmachines", "get");
    let named = |it: usize| {
        let names: Vec<String> = (0..30).map(|name| format!("n{}", it * 7 + name)).collect();
        rule(
            &[String::new()],
            &["pods".into()],
            &names,
            &[format!("v{it}")],
        )
    };
    let of_one_resource = |it| {
        let resources = ["virtualmachines".into(), format!("r{it}")];
        rule(
            &["kubevirt.io".into()],
            &resources,
            &[],
            &[format!("v{it}")],
        )
    };
    let of_all_resources = |it| {
        let mut resources = MACHINES.map(String::from).to_vec();
        resources.extend(words("virtualmachine", 200));
        let mut groups = GROUPS.map(String::from).to_vec();
        groups.push(format!("g{it}"));
        rule(&groups, &resources, &[], &[format!("v{it}"), "get".into()])
    };
    [
        shape("10,000 rules of a verb each", &each(10_000, of_verb)),
        shape("8,000 rules of a resource each", &each(8_000, of_resource)),
        shape("5,000 rules of a group each", &each(5_000, of_group)),
        shape("900 rules with 30 names each", &each(900, named)),
        shape(
            "8,000 rules on one resource, none like another",
            &each(8_000, of_one_resource),
        ),
        shape(
            "130 rules with every resource of the VM roles",
            &each(130, of_all_resources),
        ),
        shape(
            "500,000 rules that say nothing",
            &each(500_000, |_| "{}".into()),
        ),
    ]
}

fn each(count: usize, rule: impl Fn(usize) -> String) -> Vec<String> {
    (0..count).map(rule).collect()
}

fn ordinary(it: usize) -> String {
    let resource = MACHINES.get(it % MACHINES.len()).copied().unwrap_or("pods");
    let resources = [resource.to_owned(), format!("things{it}")];
    let group = GROUPS.get(it % GROUPS.len()).copied().unwrap_or_default();
    let verbs = ["get", "list", "watch", "create", "update", "patch"].map(String::from);
    rule(&[group.into()], &resources, &[], &verbs)
}

fn one(group: &str, resource: &str, verb: &str) -> String {
    rule(&[group.into()], &[resource.into()], &[], &[verb.into()])
}

pub(crate) fn rule(
    groups: &[String],
    resources: &[String],
    names: &[String],
    verbs: &[String],
) -> String {
    format!(
        r#"{{"apiGroups":{groups:?},"resources":{resources:?},"resourceNames":{names:?},"verbs":{verbs:?}}}"#
    )
}

/// A path that grows by a letter each time.
fn nested_urls(count: usize) -> String {
    let mut urls = String::new();
    for length in 1..=count {
        let comma = if length == 1 { "" } else { "," };
        let _ = write!(urls, "{comma}\"/{}*\"", "a".repeat(length));
    }
    format!(r#"{{"nonResourceURLs":[{urls}],"verbs":["get"]}}"#)
}

/// So many different words, as short as can be.
fn words(prefix: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|word| format!("{prefix}{}", short(word)))
        .collect()
}

fn short(mut number: usize) -> String {
    const LETTERS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    let mut text = String::new();
    loop {
        text.push(char::from(LETTERS[number % 64]));
        number /= 64;
        if number == 0 {
            return text;
        }
    }
}

const GROUPS: [&str; 8] = [
    "kubevirt.io",
    "subresources.kubevirt.io",
    "snapshot.kubevirt.io",
    "clone.kubevirt.io",
    "export.kubevirt.io",
    "instancetype.kubevirt.io",
    "pool.kubevirt.io",
    "cdi.kubevirt.io",
];

const MACHINES: [&str; 10] = [
    "virtualmachines",
    "virtualmachineinstances",
    "virtualmachines/start",
    "virtualmachines/stop",
    "virtualmachineinstances/console",
    "virtualmachinesnapshots",
    "virtualmachineclones",
    "virtualmachineexports",
    "virtualmachinepools",
    "datavolumes",
];
