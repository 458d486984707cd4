//! Everything that is logged on this thread, at every level, as it was handed to `tracing`: before any
//! formatter has made it harmless.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// The events and spans that were recorded, one text each.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Records what this thread logs until the guard is dropped.
    pub(crate) fn capture() -> (Self, DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::registry().with(log.clone());
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    fn push(&self, target: &str, fields: impl FnOnce(&mut dyn Visit)) {
        let mut text = Text(format!("{target}:"));
        fields(&mut text);
        self.0.lock().unwrap().push(text.0);
    }
}

impl<S: tracing::Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        self.push(event.metadata().target(), |visit| event.record(visit));
    }

    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.push(span.metadata().target(), |visit| span.record(visit));
    }
}

struct Text(String);

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, " {}={value}", field.name()).unwrap();
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

#[test]
fn what_is_logged_is_recorded_as_it_is() {
    let (log, _guard) = Log::capture();
    tracing::trace!(target: "a", kind = "x\ny", "{}\u{1b}", 1);
    assert_eq!(log.take(), ["a: message=1\u{1b} kind=x\ny"]);
    assert!(log.take().is_empty());
}
