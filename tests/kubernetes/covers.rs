//! `Rules::covers` against Kubernetes' own comparison, on 100,000 random pairs.
//!
//! Differences, all of them:
//! - A rule that has URLs *and* resource names. Kubernetes' comparison takes the names to narrow the URLs, its
//!   authorizer does not; neither does `Rules`. The API server stores no such rule
//!   (`pkg/apis/rbac/validation`: "rules cannot apply to both regular resources and non-resource URLs").

use palette_rbac::rbac::{Relation, Rules};

use crate::go;
use crate::random::{self, Pair, Random};

/// Each part has a seed and a process of its own, so that they run side by side and are the same on every machine.
const PARTS: u64 = 8;
const PAIRS_A_PART: usize = 12_500;
const SEED: u64 = 0x005e_ed0f_c0de;

#[test]
fn covers_agrees_with_kubernetes() {
    let Some(oracle) = go::Oracle::build("covers") else {
        return;
    };
    let seen = std::thread::scope(|scope| {
        let compare = |seed| {
            scope.spawn({
                let oracle = &oracle;
                move || Seen::of_part(oracle, seed)
            })
        };
        let parts: Vec<_> = (SEED..SEED + PARTS).map(compare).collect();
        let seen = parts.into_iter().map(|part| part.join().unwrap());
        seen.fold(Seen::default(), Seen::and)
    });
    seen.report();
}

#[derive(Default)]
struct Seen {
    pairs: usize,
    covered: usize,
    documented: usize,
    differences: Vec<String>,
}

impl Seen {
    fn of_part(oracle: &go::Oracle, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let pairs: Vec<Pair> = (0..PAIRS_A_PART).map(|_| random.pair()).collect();
        let questions = pairs
            .iter()
            .map(|pair| format!("{}\n", pair.to_json()).into_bytes());
        let answers = oracle.ask(questions);
        assert_eq!(answers.len(), pairs.len());
        let mut part = Self::default();
        for (pair, answer) in pairs.iter().zip(&answers) {
            part.compare(pair, answer);
        }
        part
    }

    fn and(mut self, more: Self) -> Self {
        self.pairs += more.pairs;
        self.covered += more.covered;
        self.documented += more.documented;
        self.differences.extend(more.differences);
        self
    }

    /// Compares not only the verdict but all that is missing.
    fn compare(&mut self, pair: &Pair, answer: &str) {
        let (owner, servant) = (Rules::new(&pair.owner), Rules::new(&pair.servant));
        let theirs = Rules::new(&random::read_rules(answer));
        let ours = owner.missing(&servant);
        assert_eq!(owner.covers(&servant), ours.is_empty(), "{pair:?}");
        self.pairs += 1;
        self.covered += usize::from(ours.is_empty());
        if ours.relation(&theirs) == Relation::Equal {
            return;
        }
        if pair.mixes_urls_and_names() {
            self.documented += 1;
        } else {
            self.differences.push(format!(
                "{pair:?}\n  Kubernetes misses {answer}\n  we miss {ours:?}"
            ));
        }
    }

    /// A generator that meets only one answer, or never the documented difference, would prove nothing.
    fn report(&self) {
        println!(
            "{} pairs, {} covered, {} documented differences",
            self.pairs, self.covered, self.documented
        );
        let first: Vec<&String> = self.differences.iter().take(5).collect();
        assert!(
            first.is_empty(),
            "{} differences, such as\n{first:#?}",
            self.differences.len()
        );
        assert_eq!(self.pairs, 100_000);
        assert!((10_000..90_000).contains(&self.covered));
        assert!(self.documented > 0);
    }
}
