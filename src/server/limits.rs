//! The limits of `serve`, and sizes and times as they are typed.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

/// What a client may use up.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// The largest review that is judged; a larger one is refused with its uid
    ///
    /// The API server takes objects of 3 MiB, and a review of an update carries two of them.
    #[arg(
        long,
        value_name = "SIZE",
        env = "PALETTE_RBAC_MAX_BODY_BYTES",
        default_value = "8MiB"
    )]
    pub max_body_bytes: ByteSize,

    /// The largest request line and headers
    ///
    /// The API server sends less than 1 KiB; a token in a header may add some.
    #[arg(
        long,
        value_name = "SIZE",
        env = "PALETTE_RBAC_MAX_HEADER_BYTES",
        default_value = "32KiB"
    )]
    pub max_header_bytes: ByteSize,

    /// How long the headers of a request may take, from their first byte
    ///
    /// They fit into one packet. A connection that waits for its next request is not meant by this.
    #[arg(long, value_name = "TIME", env = "PALETTE_RBAC_HEADER_TIMEOUT", default_value = "5s", value_parser = duration)]
    pub header_timeout: Duration,

    /// How long the body of a request may take, from the first byte of its headers
    ///
    /// The API server gives up after the webhook's timeoutSeconds, which we set to 5, and says so with `?timeout=`: the
    /// shorter of both counts.
    #[arg(long, value_name = "TIME", env = "PALETTE_RBAC_BODY_TIMEOUT", default_value = "5s", value_parser = duration)]
    pub body_timeout: Duration,

    /// How long a TLS handshake may take
    ///
    /// It takes a round trip or two, and holds a connection's place.
    #[arg(long, value_name = "TIME", env = "PALETTE_RBAC_HANDSHAKE_TIMEOUT", default_value = "5s", value_parser = duration)]
    pub handshake_timeout: Duration,

    /// How many connections may be open; for one more, another gives way
    ///
    /// Of the address that has most, the one whose client is waited for longest; one whose request is there ends with the
    /// answer. An API server keeps at most 25 idle ones and opens one for each call under way. Below the usual 1,024 open
    /// files.
    #[arg(
        long,
        value_name = "N",
        env = "PALETTE_RBAC_MAX_CONNECTIONS",
        default_value = "768"
    )]
    pub max_connections: NonZeroUsize,

    /// How many reviews may be judged at once; one more waits, and gets 503 when its time is over
    ///
    /// A review takes microseconds, one whose role is read live as long as the API server takes. A body that is awaited has
    /// no place yet.
    #[arg(
        long,
        value_name = "N",
        env = "PALETTE_RBAC_MAX_IN_FLIGHT",
        default_value = "256"
    )]
    pub max_in_flight: NonZeroUsize,

    /// How much memory all bodies that are being read or judged may take; for one more, the slowest gets 503
    ///
    /// Most reviews have a few kilobytes: the first 16 KiB of each are free. One body of --max-body-bytes always fits.
    #[arg(
        long,
        value_name = "SIZE",
        env = "PALETTE_RBAC_MAX_BUFFERED_BYTES",
        default_value = "64MiB"
    )]
    pub max_buffered_bytes: ByteSize,
}

/// A number of bytes, typed as `8388608`, `64KiB` or `8MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSize(pub usize);

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = text.strip_prefix(digits).unwrap_or_default().trim_start();
        let factor = match unit {
            "" | "B" => 1,
            "KiB" | "Ki" => 1 << 10,
            "MiB" | "Mi" => 1 << 20,
            "GiB" | "Gi" => 1 << 30,
            _ => return Err(format!("`{unit}` is no unit; write bytes, KiB, MiB or GiB")),
        };
        let number = digits.parse::<usize>().map_err(|error| error.to_string())?;
        let bytes = number.checked_mul(factor).filter(|bytes| *bytes > 0);
        bytes.map(Self).ok_or_else(|| "out of range".to_owned())
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Reads a time such as `5s`, `500ms` or `1m30s`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let signed = SignedDuration::from_str(text)
        .map_err(|_| "write a number and a unit, as in `5s`, `500ms` or `1m30s`".to_owned())?;
    Duration::try_from(signed).map_err(|_| "must not be negative".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_unit_or_is_in_bytes() {
        assert_eq!("8MiB".parse(), Ok(ByteSize(8_388_608)));
        assert_eq!("64 KiB".parse(), Ok(ByteSize(65_536)));
        assert_eq!("17".parse(), Ok(ByteSize(17)));
        for wrong in ["", "MiB", "8MB", "8 M iB", "-1", "0", "99999999999999GiB"] {
            assert!(wrong.parse::<ByteSize>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        for wrong in ["", "5", "-5s", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
