//! Which known word was likely meant.

/// The candidate that a misspelt word most likely meant, or nothing when none is close.
///
/// Close is at most a third of the word's characters wrong (a swap of two neighbours counts once); a difference in
/// case alone is always close.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_lowercase();
    let allowed = (folded.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&folded, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let mut previous = None;
    for (row, here) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, &there) in right.iter().enumerate() {
            let swapped =
                previous == Some(there) && column > 0 && right.get(column - 1) == Some(&here);
            let cell = |line: &[usize], at: usize| line.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut best = (cell(&last, column) + usize::from(here != there))
                .min(cell(&last, column + 1) + 1)
                .min(cell(&current, column) + 1);
            if swapped {
                best = best.min(cell(&before_last, column - 1) + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
        previous = Some(here);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_word_that_was_meant() {
        let rules = ["requester", "system-group", "service-account"];
        assert_eq!(nearest("requestor", rules), Some("requester"));
        assert_eq!(nearest("REQUESTER", rules), Some("requester"));
        assert_eq!(nearest("sytsem-group", rules), Some("system-group"));
        assert_eq!(nearest("banana", rules), None);
    }

    #[test]
    fn counts_a_swap_of_neighbours_once() {
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("clutser", "cluster"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
