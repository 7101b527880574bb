//! What a question costs, counted in tests: a step is a word looked at, or a rule held against something.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts steps; nothing outside tests.
#[cfg_attr(
    not(test),
    expect(clippy::missing_const_for_fn, reason = "it counts in tests")
)]
pub(super) fn count(steps: usize) {
    #[cfg(test)]
    STEPS.set(STEPS.get() + steps);
    let _ = steps;
}

/// The steps of this thread until now.
#[cfg(test)]
pub(super) fn counted() -> usize {
    STEPS.get()
}
