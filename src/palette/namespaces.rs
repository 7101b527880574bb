//! The form in which Palette writes namespaces: a name, or a regex that selects or excludes.
//!
//! Palette documents neither the dialect nor the anchoring of its regexes. Read here as in Go (RE2: no look-around, no
//! back-references), unanchored: `/^vm-/` is what begins with `vm-`, `/vm-/` what holds it anywhere.

use std::fmt;
use std::str::FromStr;

use regex::{Regex, RegexBuilder};

/// Which namespaces are meant: `staging`, `/^vm-/` (those that match) or `~/^kube-/` (those that do not).
///
/// Cheap to clone: a compiled regex is shared.
#[derive(Clone, Debug)]
pub struct NamespacePattern {
    text: Box<str>,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Name,
    Matching(Regex),
    NotMatching(Regex),
}

impl NamespacePattern {
    /// Whether the namespace is selected. An empty name, that is no namespace at all, never is.
    pub fn matches(&self, namespace: &str) -> bool {
        if namespace.is_empty() {
            return false;
        }
        match &self.form {
            Form::Name => *self.text == *namespace,
            Form::Matching(regex) => regex.is_match(namespace),
            Form::NotMatching(regex) => !regex.is_match(namespace),
        }
    }

    /// Whether this is `~/…/`, which selects all but a few.
    pub const fn is_negated(&self) -> bool {
        matches!(self.form, Form::NotMatching(_))
    }

    /// The only namespace that is meant, if it is one.
    pub fn name(&self) -> Option<&str> {
        matches!(self.form, Form::Name).then_some(&*self.text)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for NamespacePattern {
    type Err = NamespacePatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = match text.strip_prefix('~') {
            Some(negated) => Form::NotMatching(compile(text, regex_after_tilde(text, negated)?)?),
            None => match text.strip_prefix('/') {
                Some(rest) => Form::Matching(compile(text, before_slash(text, rest)?)?),
                None => name(text)?,
            },
        };
        Ok(Self {
            text: text.into(),
            form,
        })
    }
}

impl fmt::Display for NamespacePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl PartialEq for NamespacePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for NamespacePattern {}

fn regex_after_tilde<'a>(text: &str, negated: &'a str) -> Result<&'a str, NamespacePatternError> {
    if negated.starts_with(char::is_whitespace) {
        return Err(NamespacePatternError::SpaceAfterTilde(text.to_owned()));
    }
    match negated.strip_prefix('/') {
        Some(rest) => before_slash(text, rest),
        None => Err(NamespacePatternError::TildeWithoutRegex(text.to_owned())),
    }
}

fn before_slash<'a>(text: &str, rest: &'a str) -> Result<&'a str, NamespacePatternError> {
    match rest.strip_suffix('/') {
        Some("") => Err(NamespacePatternError::EmptyRegex(text.to_owned())),
        Some(regex) => Ok(regex),
        None => Err(NamespacePatternError::MissingClosingSlash(text.to_owned())),
    }
}

fn compile(text: &str, regex: &str) -> Result<Regex, NamespacePatternError> {
    RegexBuilder::new(regex)
        .size_limit(REGEX_SIZE_LIMIT)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(limit) => NamespacePatternError::RegexTooBig {
                pattern: text.to_owned(),
                limit,
            },
            other => NamespacePatternError::Regex {
                pattern: text.to_owned(),
                reason: in_one_line(&other),
            },
        })
}

/// The regex crate's message without its drawing of the place, since it goes into lists.
fn in_one_line(error: &regex::Error) -> String {
    let message = error.to_string();
    let last = message.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

fn name(text: &str) -> Result<Form, NamespacePatternError> {
    if text.is_empty() {
        Err(NamespacePatternError::Empty)
    } else if is_namespace_name(text) {
        Ok(Form::Name)
    } else {
        Err(NamespacePatternError::Name(text.to_owned()))
    }
}

/// Kubernetes takes nothing else for a namespace, so another literal would select nothing and say nothing.
fn is_namespace_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 63 && text.bytes().all(allowed) && !text.starts_with('-') && !text.ends_with('-')
}

/// Why a text is not a namespace pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamespacePatternError {
    /// There is no text.
    #[error("empty namespace pattern")]
    Empty,
    /// `~ /…/`.
    #[error("`{0}` has a space after `~`; write `~/…/`")]
    SpaceAfterTilde(String),
    /// `~name`.
    #[error("`{0}` has no `/` after `~`; only a regex can be negated, as in `~/…/`")]
    TildeWithoutRegex(String),
    /// `/…` or `~/…`.
    #[error("`{0}` begins as a regex, but lacks the closing `/`")]
    MissingClosingSlash(String),
    /// `//` or `~//`, which would select everything or nothing.
    #[error("`{0}` has no regex between its slashes")]
    EmptyRegex(String),
    /// The regex would take too much memory.
    #[error("`{pattern}` would take more than {limit} bytes of memory")]
    RegexTooBig {
        /// The whole pattern.
        pattern: String,
        /// What a regex may take.
        limit: usize,
    },
    /// The regex does not compile.
    #[error("`{pattern}` does not compile: {reason}")]
    Regex {
        /// The whole pattern.
        pattern: String,
        /// What the regex compiler says, in one line.
        reason: String,
    },
    /// Neither a regex nor a name that a namespace can have.
    #[error("`{0}` is neither a namespace's name nor a regex between slashes, as in `/^vm-/`")]
    Name(String),
}

/// In bytes, of one compiled regex. Documented patterns take a few hundred; a directory may hold thousands, and a
/// repetition of repetitions asks for gigabytes.
const REGEX_SIZE_LIMIT: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::{NamespacePattern, NamespacePatternError as Error};

    fn pattern(text: &str) -> NamespacePattern {
        text.parse().unwrap()
    }

    /// Those of a fixed list of namespaces that the pattern selects.
    fn selected(text: &str) -> Vec<&'static str> {
        let all = [
            "kube-system",
            "my-web-app",
            "palette-ns-1",
            "palette-system",
            "vms",
            "web-app-2",
        ];
        let pattern = pattern(text);
        all.into_iter()
            .filter(|name| pattern.matches(name))
            .collect()
    }

    #[test]
    fn a_name_selects_itself_alone() {
        assert_eq!(selected("vms"), ["vms"]);
        assert!(!pattern("vms").matches("vms-2") && !pattern("vms").matches("VMS"));
    }

    #[test]
    fn documented_regexes_select_what_the_documentation_says() {
        assert_eq!(selected("/^palette-ns/"), ["palette-ns-1"]);
        assert_eq!(selected("/^web-app/"), ["web-app-2"]);
        assert_eq!(selected("/palette-.*/"), ["palette-ns-1", "palette-system"]);
        assert_eq!(
            selected("~/palette-.*/"),
            ["kube-system", "my-web-app", "vms", "web-app-2"]
        );
        assert_eq!(
            selected("~/^(kube|cluster|capi|jet|cert)[-].+/"),
            [
                "my-web-app",
                "palette-ns-1",
                "palette-system",
                "vms",
                "web-app-2"
            ]
        );
    }

    #[test]
    fn a_regex_is_not_anchored() {
        assert_eq!(selected("/web/"), ["my-web-app", "web-app-2"]);
        assert_eq!(selected("/^vms$/"), ["vms"]);
    }

    #[test]
    fn a_negated_regex_may_end_in_a_group() {
        assert_eq!(
            selected("~/(web|kube)/"),
            ["palette-ns-1", "palette-system", "vms"]
        );
        assert!(pattern("~/(a|b)/").matches("c") && !pattern("~/(a|b)/").matches("b"));
    }

    #[test]
    fn no_pattern_selects_the_lack_of_a_namespace() {
        for text in ["vms", "/.*/", "~/vms/"] {
            assert!(!pattern(text).matches(""), "{text}");
        }
    }

    #[test]
    fn slashes_within_a_regex_belong_to_it() {
        assert!(pattern("~/a/b/").matches("ab") && !pattern("/a/b/").matches("ab"));
    }

    #[test]
    fn tells_negated_patterns_and_keeps_the_text() {
        assert!(pattern("~/vms/").is_negated() && !pattern("/vms/").is_negated());
        assert_eq!(pattern("~/vms/").to_string(), "~/vms/");
        assert_eq!(pattern("/vms/"), pattern("/vms/"));
        assert_ne!(pattern("/vms/"), pattern("vms"));
    }

    #[test]
    fn refuses_what_is_no_pattern() {
        let refusals = [
            ("", Error::Empty),
            ("~ /vms/", Error::SpaceAfterTilde("~ /vms/".into())),
            ("~\t/vms/", Error::SpaceAfterTilde("~\t/vms/".into())),
            ("~", Error::TildeWithoutRegex("~".into())),
            ("~vms", Error::TildeWithoutRegex("~vms".into())),
            ("/", Error::MissingClosingSlash("/".into())),
            ("/vms", Error::MissingClosingSlash("/vms".into())),
            ("/vms/ ", Error::MissingClosingSlash("/vms/ ".into())),
            ("~/", Error::MissingClosingSlash("~/".into())),
            ("~/vms", Error::MissingClosingSlash("~/vms".into())),
            ("//", Error::EmptyRegex("//".into())),
            ("~//", Error::EmptyRegex("~//".into())),
            ("vms/", Error::Name("vms/".into())),
            ("vm-*", Error::Name("vm-*".into())),
            (" vms", Error::Name(" vms".into())),
            ("Vms", Error::Name("Vms".into())),
            ("vms-", Error::Name("vms-".into())),
        ];
        for (text, error) in refusals {
            assert_eq!(text.parse::<NamespacePattern>(), Err(error), "{text:?}");
        }
        let long = "v".repeat(64);
        assert_eq!(long.parse::<NamespacePattern>(), Err(Error::Name(long)));
    }

    #[test]
    fn says_in_one_line_why_a_regex_does_not_compile() {
        let message = |text: &str| text.parse::<NamespacePattern>().unwrap_err().to_string();
        assert_eq!(
            message("/(vms/"),
            "`/(vms/` does not compile: unclosed group"
        );
        assert_eq!(
            message("~/vms(?!-)/"),
            "`~/vms(?!-)/` does not compile: look-around, including look-ahead and look-behind, is not supported"
        );
        assert_eq!(
            message(r"/(a)\1/"),
            r"`/(a)\1/` does not compile: backreferences are not supported"
        );
    }

    #[test]
    fn refuses_a_regex_that_would_take_much_memory() {
        let error = "/((a{99}){99}){99}/"
            .parse::<NamespacePattern>()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`/((a{99}){99}){99}/` would take more than 262144 bytes of memory"
        );
    }
}
