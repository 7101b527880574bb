//! Names and prefixes of a policy.

use std::fmt;

/// A name of the policy: a literal, or a prefix written `prefix*`.
///
/// Nothing else is a pattern: `?` and a `*` before the end are mistakes, since names are literal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NamePattern {
    /// The whole name.
    Literal(Box<str>),
    /// What the name begins with.
    Prefix(Box<str>),
}

/// Why a text is no [`NamePattern`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The text is empty.
    #[error("is empty, and nothing has an empty name")]
    Empty,
    /// A lone `*`.
    #[error("`*` alone would match every name")]
    Everything,
    /// A `*` that is not the last character.
    #[error("`*` may only end a name (`prefix*`)")]
    InnerStar,
}

impl NamePattern {
    /// What every name matches. No text is read as this: it is what a field means that is left out.
    pub fn any() -> Self {
        Self::Prefix("".into())
    }

    /// Whether every name matches.
    pub fn is_any(&self) -> bool {
        matches!(self, Self::Prefix(prefix) if prefix.is_empty())
    }

    /// Reads a literal or `prefix*`.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let prefix = text.strip_suffix('*');
        match (text, prefix) {
            ("", _) => Err(PatternError::Empty),
            (_, Some("")) => Err(PatternError::Everything),
            _ if prefix.unwrap_or(text).contains('*') => Err(PatternError::InnerStar),
            (_, Some(prefix)) => Ok(Self::Prefix(prefix.into())),
            (_, None) => Ok(Self::Literal(text.into())),
        }
    }

    /// Whether the name is meant: exactly, byte for byte.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Literal(literal) => **literal == *name,
            Self::Prefix(prefix) => name.starts_with(&**prefix),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(literal) => f.write_str(literal),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_last_star_is_a_pattern() {
        assert_eq!(NamePattern::parse(""), Err(PatternError::Empty));
        assert_eq!(NamePattern::parse("*"), Err(PatternError::Everything));
        assert_eq!(NamePattern::parse("a*b"), Err(PatternError::InnerStar));
        assert_eq!(NamePattern::parse("**"), Err(PatternError::InnerStar));
        assert_eq!(
            NamePattern::parse("system:*"),
            Ok(NamePattern::Prefix("system:".into()))
        );
    }

    #[test]
    fn a_literal_is_the_whole_name_and_a_question_mark_is_a_character() {
        let pattern = NamePattern::parse("vm-?").unwrap();
        assert!(pattern.matches("vm-?"));
        assert!(!pattern.matches("vm-1"));
        assert!(NamePattern::parse("vm-*").unwrap().matches("vm-"));
        assert!(!NamePattern::parse("vm-*").unwrap().matches("VM-1"));
    }
}
