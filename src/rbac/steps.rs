//! What a question costs, counted in tests and while fuzzing: a step is a word looked at, or a rule held against something.

#[cfg(any(test, fuzzing))]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts steps; nothing otherwise.
#[cfg_attr(
    not(any(test, fuzzing)),
    expect(
        clippy::missing_const_for_fn,
        reason = "it counts in tests and while fuzzing"
    )
)]
pub(super) fn count(steps: usize) {
    #[cfg(any(test, fuzzing))]
    STEPS.set(STEPS.get() + steps);
    let _ = steps;
}

/// The steps of this thread until now.
#[cfg(any(test, fuzzing))]
pub fn counted() -> usize {
    STEPS.get()
}
