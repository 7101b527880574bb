//! A log line as one JSON object.

use std::fmt;
use std::fmt::Debug;

use jiff::Timestamp;
use jiff::fmt::StdIoWrite;
use jiff::fmt::temporal::DateTimePrinter;
use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// An event as one JSON object: `timestamp`, `level`, and its fields beside them.
///
/// The lines of tracing-subscriber's own format, which takes each piece of text through so many layers that a line costs
/// as much as the review that it tells of.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Line::begin(Timestamp::now(), event.metadata().level().as_str());
        event.record(&mut line);
        writer.write_str(line.end())
    }
}

/// A line in the making.
struct Line(Vec<u8>);

impl Line {
    fn begin(time: Timestamp, level: &str) -> Self {
        let mut line = Self(Vec::with_capacity(USUAL_LENGTH));
        line.0.extend_from_slice(br#"{"timestamp":""#);
        // A vector takes whatever is written.
        let _ = PRINTER.print_timestamp(&time, StdIoWrite(&mut line.0));
        line.0.push(b'"');
        line.entry("level", level);
        line
    }

    /// The name is a field's in the code, which needs no escapes.
    fn entry<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
        // Texts and numbers can always be written.
        let _ = serde_json::to_writer(&mut self.0, value);
    }

    fn end(&mut self) -> &str {
        self.0.extend_from_slice(b"}\n");
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.entry(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.entry(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.entry(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.entry(field.name(), &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.entry(field.name(), &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.entry(field.name(), &format!("{value:?}"));
    }
}

/// Microseconds, as many digits in each line.
const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

/// A review's line has some 350 bytes.
const USUAL_LENGTH: usize = 512;

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing::{subscriber, warn};
    use tracing_subscriber::fmt;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const NAME: &str = "a\n\"b\"";

    #[test]
    fn an_event_is_one_line_whatever_its_fields_hold() {
        let kept = Kept::default();
        let writer = kept.clone();
        let log = fmt()
            .event_format(JsonLines)
            .with_writer(move || writer.clone());
        subscriber::with_default(log.finish(), || {
            warn!(name = NAME, none = None::<&str>, shown = %NAME, count = 3_u64, sure = true, "said");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.find('\n'), Some(text.len() - 1), "{text}");
        let mut line: Value = serde_json::from_str(&text).unwrap();
        assert!(line["timestamp"].take().as_str().unwrap().ends_with('Z'));
        let expected = json!({
            "timestamp": null, "level": "WARN", "message": "said",
            "name": NAME, "shown": NAME, "count": 3, "sure": true,
        });
        assert_eq!(line, expected);
    }
}
