//! What a plain scalar is to YAML 1.1, as `go.yaml.in/yaml/v2` (`resolve.go`) sees it, by which kubectl reads.

/// What a plain scalar means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    /// A whole number, in decimal.
    Whole(String),
    /// Any other number.
    Fraction(f64),
    /// Text as it stands; moments are text, too.
    Text,
}

/// Reads a scalar that has neither quotes nor a tag.
pub(super) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        _ if TRUE.contains(&text) => Scalar::Bool(true),
        _ if FALSE.contains(&text) => Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Scalar::Fraction(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Fraction(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Fraction(f64::NEG_INFINITY),
        _ if text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) => {
            number(text).unwrap_or(Scalar::Text)
        }
        _ => Scalar::Text,
    }
}

/// Underscores may stand anywhere in a number that does not begin with its point.
fn number(text: &str) -> Option<Scalar> {
    if text.starts_with('.') {
        return fraction(text);
    }
    let plain = text.replace('_', "");
    whole(&plain)
        .map(|number| Scalar::Whole(number.to_string()))
        .or_else(|| fraction(&plain))
}

/// A whole number of 64 bits, with a sign or without: `0x`, `0o`, `0b`, and octal after a leading zero.
fn whole(plain: &str) -> Option<i128> {
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, plain.strip_prefix('+').unwrap_or(plain)),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, digits.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, digits.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, digits.get(2..)?),
        [b'0', _, ..] => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    if !digits.starts_with(|first: char| first.is_digit(radix)) {
        return None;
    }
    let number = sign * i128::from(u64::from_str_radix(digits, radix).ok()?);
    (number >= i128::from(i64::MIN)).then_some(number)
}

/// `1.5`, `.5`, `1e3`, `007.5`.
fn fraction(plain: &str) -> Option<Scalar> {
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    let looks_like_one = unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && unsigned.bytes().any(|byte| byte.is_ascii_digit())
        && unsigned
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let number: f64 = plain.parse().ok().filter(|_| looks_like_one)?;
    // Out of range is text to Go.
    number.is_finite().then_some(Scalar::Fraction(number))
}

const TRUE: [&str; 11] = [
    "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON",
];
const FALSE: [&str; 11] = [
    "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_yaml_1_1() {
        let whole = |number: &str| Scalar::Whole(number.to_owned());
        for (text, expected) in [
            ("no", Scalar::Bool(false)),
            ("On", Scalar::Bool(true)),
            ("oN", Scalar::Text),
            ("y", Scalar::Bool(true)),
            ("~", Scalar::Null),
            ("nil", Scalar::Text),
            ("4711", whole("4711")),
            ("-0", whole("0")),
            ("+7", whole("7")),
            ("0x10", whole("16")),
            ("0o17", whole("15")),
            ("017", whole("15")),
            ("0b101", whole("5")),
            ("-0b101", whole("-5")),
            ("1_000", whole("1000")),
            ("18446744073709551615", whole("18446744073709551615")),
            ("08", Scalar::Fraction(8.0)),
            ("1e3", Scalar::Fraction(1000.0)),
            (".5", Scalar::Fraction(0.5)),
            ("1.", Scalar::Fraction(1.0)),
            ("1.2.3", Scalar::Text),
            ("1:30", Scalar::Text),
            ("2027-06-30", Scalar::Text),
            ("-", Scalar::Text),
            (".", Scalar::Text),
            ("..", Scalar::Text),
            ("0x", Scalar::Text),
            ("1e999", Scalar::Text),
            ("--7", Scalar::Text),
            ("e3", Scalar::Text),
        ] {
            assert_eq!(resolve(text), expected, "{text}");
        }
    }
}
