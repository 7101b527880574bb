//! Manifests with a few things put in, taken out and put elsewhere.

use crate::random::Random;

/// Texts, one after the other.
pub(crate) struct Texts(Random);

impl Texts {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    pub(crate) fn next(&mut self) -> Vec<u8> {
        let mut text = self.one_of(&WHOLE).to_owned();
        if self.0.below(3) == 0 {
            text.push_str("---\n");
            text.push_str(self.one_of(&WHOLE));
        }
        for _ in 0..=self.0.below(2) {
            self.change(&mut text);
        }
        if self.0.below(20) == 0 {
            return utf_16(&text);
        }
        text.into_bytes()
    }

    fn one_of(&mut self, texts: &[&'static str]) -> &'static str {
        self.0.one_of::<&str>(texts)
    }

    fn change(&mut self, text: &mut String) {
        let at = self.place(text);
        match self.0.below(6) {
            0..=2 => text.insert_str(at, self.one_of(&PIECES)),
            // A line twice, gone, or its beginning elsewhere.
            3 => {
                let line = line_at(text, at).to_owned();
                let earlier = text.floor_char_boundary(at.saturating_sub(line.len()));
                text.insert_str(earlier, &line);
            }
            4 => {
                let line = line_at(text, at).to_owned();
                *text = text.replacen(&line, "", 1);
            }
            _ => {
                let end = text.ceil_char_boundary(at + self.0.below(4));
                text.replace_range(at..end, self.one_of(&PIECES));
            }
        }
    }

    /// Most often beside what means something to a reader of YAML.
    fn place(&mut self, text: &str) -> usize {
        let at = text.floor_char_boundary(self.0.below(text.len() + 1));
        if self.0.below(3) == 0 {
            return at;
        }
        let mark = |c: char| "\n:-#{}[]'\",|>".contains(c);
        let found = text.get(at..).and_then(|rest| rest.find(mark));
        found.map_or(at, |found| at + found)
    }
}

fn line_at(text: &str, at: usize) -> &str {
    let rest = text.get(at..).unwrap_or_default();
    let begin = rest.find('\n').map_or(0, |end| end + 1);
    let line = rest.get(begin..).unwrap_or_default();
    line.split_inclusive('\n').next().unwrap_or_default()
}

/// As PowerShell writes it.
fn utf_16(text: &str) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xFE];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}

const WHOLE: [&str; 6] = [
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata:\n  name: b\n  namespace: vms\nroleRef:\n  \
     apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: view\nsubjects:\n- kind: User\n  apiGroup: \
     rbac.authorization.k8s.io\n  name: ines@orchard.test\n",
    "# who may look\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: { name: 'b', labels: \
     {app: \"x\"} }\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view} # view\nsubjects:\n  - \
     {kind: Group, apiGroup: rbac.authorization.k8s.io, name: \"vm ops\"}\n",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: r\n  annotations:\n    text: |\n      \
     one\n      two\n    folded: >-\n      one\n      two\nrules:\n- apiGroups: [kubevirt.io]\n  resources: \
     [virtualmachines]\n  verbs: ['*']\n",
    "{\"apiVersion\": \"rbac.authorization.k8s.io/v1\", \"kind\": \"Role\", \"metadata\": {\"name\": \"r\", \
     \"namespace\": \"vms\"}, \"rules\": [{\"apiGroups\": [\"\"], \"resources\": [\"pods\"], \"verbs\": [\"get\"]}]}\n",
    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: rbac.authorization.k8s.io/v1\n  kind: RoleBinding\n  metadata: \
     {name: b}\n  roleRef: &r {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}\n  subjects: []\n- apiVersion: \
     rbac.authorization.k8s.io/v1\n  kind: RoleBinding\n  metadata: {name: c}\n  roleRef: *r\n",
    "%YAML 1.1\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: 'it''s'\n  b: \"\\u2028 \\x85\"\n...\n",
];

const PIECES: [&str; 60] = [
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\r",
    "\r\n",
    "\t",
    "\u{a0}",
    "\u{feff}",
    "\0",
    "\u{b}",
    "\u{c}",
    " ",
    "  ",
    "\n",
    "\n\n",
    "---",
    "\n---\n",
    "--- ",
    "\n--- # x\n",
    "\n---x\n",
    "\n ---\n",
    "...",
    "\n...\n",
    "#",
    " #",
    "# x\n",
    "'",
    "\"",
    "''",
    "{",
    "}",
    "[",
    "]",
    ",",
    ": ",
    ":",
    "? ",
    "- ",
    "&r ",
    "*r",
    "<<: *r\n",
    "!!str ",
    "!x ",
    "!!binary ",
    "|\n",
    "|2\n",
    ">-\n",
    "%YAML 1.2\n",
    "%TAG ! x\n",
    "null",
    "~",
    "yes",
    "0x1f",
    "1_000",
    "1e3",
    "name: c\n",
    "kind: Secret\n",
    "\"name\": \"c\",",
    "\\",
    "{{ .Values.x }}",
];
