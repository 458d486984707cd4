//! Counts panics, also those that a runtime catches and turns into a closed connection.

use std::cell::Cell;
use std::sync::Once;

thread_local! {
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

/// How many there were on this thread since the first call on any thread.
pub(crate) fn panics_of_this_thread() -> usize {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            usual(info);
        }));
    });
    PANICS.get()
}

#[test]
fn a_panic_that_a_runtime_catches_is_counted() {
    let before = panics_of_this_thread();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let task = runtime.spawn(async { panic!("as planned") });
    assert!(runtime.block_on(task).is_err());
    assert_eq!(panics_of_this_thread(), before + 1);
}
