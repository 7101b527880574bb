//! Two things measured in turns, and the median of what comes of it.

/// One measure of each of the two, taken one after the other.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Turn {
    /// Ours.
    pub(crate) ours: f64,
    /// What it is compared with.
    pub(crate) other: f64,
}

/// What is known after some turns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared {
    /// The median of ours.
    pub(crate) ours: f64,
    /// The median of the other.
    pub(crate) other: f64,
    /// The median of the ratios of the turns.
    pub(crate) ratio: f64,
    /// Between these lies the middle half of the ratios.
    pub(crate) quartiles: (f64, f64),
}

impl Turn {
    pub(crate) fn of(&mut self, which: Which) -> &mut f64 {
        match which {
            Which::Ours => &mut self.ours,
            Which::Other => &mut self.other,
        }
    }
}

impl Compared {
    pub(crate) fn of(turns: &[Turn]) -> Self {
        let sorted = |value: fn(&Turn) -> f64| sorted(turns.iter().map(value));
        let ratios = sorted(|turn| turn.ours / turn.other);
        Self {
            ours: quantile(&sorted(|turn| turn.ours), 0.5),
            other: quantile(&sorted(|turn| turn.other), 0.5),
            ratio: quantile(&ratios, 0.5),
            quartiles: (quantile(&ratios, 0.25), quantile(&ratios, 0.75)),
        }
    }

    /// The ratio and its quartiles, as the reports print it.
    pub(crate) fn ratio(&self) -> String {
        let (low, high) = self.quartiles;
        format!("ratio {:.3} ({low:.3} to {high:.3})", self.ratio)
    }
}

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// What is judged.
    Ours,
    /// What it is compared with.
    Other,
}

/// Whose turn it is, each first as often as second.
pub(crate) fn order(turns: usize) -> impl Iterator<Item = Which> {
    (0..turns).flat_map(|turn| match turn % 2 {
        0 => [Which::Ours, Which::Other],
        _ => [Which::Other, Which::Ours],
    })
}

/// Puts together what was measured in [`order`].
pub(crate) fn paired(measured: &[(Which, f64)]) -> Vec<Turn> {
    let pairs = measured.chunks_exact(2).map(|pair| {
        let mut turn = Turn::default();
        for (which, value) in pair {
            *turn.of(*which) = *value;
        }
        turn
    });
    pairs.collect()
}

/// Measures both in turns.
pub(crate) fn compare<E>(
    turns: usize,
    mut measure: impl FnMut(Which) -> Result<f64, E>,
) -> Result<Compared, E> {
    let measured: Result<Vec<_>, E> = order(turns)
        .map(|which| Ok((which, measure(which)?)))
        .collect();
    Ok(Compared::of(&paired(&measured?)))
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    quantile(&sorted(values), 0.5)
}

/// The values below which these parts of all lie.
pub(crate) fn quantiles<const N: usize>(values: &[f64], parts: [f64; N]) -> [f64; N] {
    let sorted = sorted(values.iter().copied());
    parts.map(|part| quantile(&sorted, part))
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a short list"
)]
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((last as f64 * part).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}
