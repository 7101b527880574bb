//! Manifests as `check` reads them against kubectl's own reader, on texts that are nearly right.
//!
//! Ours may refuse what kubectl takes; what it takes, kubectl takes as the same objects, and no other.

use crate::agreement::{Agreement, agreement, question};
use crate::go::Oracle;
use crate::texts::Texts;

const PARTS: u64 = 4;
const TEXTS_A_PART: usize = 5_000;
const SEED: u64 = 0x005e_edba_5e00;

#[test]
fn manifests_are_read_as_kubectl_reads_them() {
    let Some(oracle) = Oracle::build("reads") else {
        return;
    };
    let seen = std::thread::scope(|scope| {
        let compare = |seed| {
            let oracle = &oracle;
            scope.spawn(move || of_part(oracle, seed))
        };
        let parts: Vec<_> = (SEED..SEED + PARTS).map(compare).collect();
        let seen = parts.into_iter().flat_map(|part| part.join().unwrap());
        seen.collect::<Vec<_>>()
    });
    report(&seen);
}

fn of_part(oracle: &Oracle, seed: u64) -> Vec<(String, Agreement)> {
    let mut texts = Texts::new(seed);
    let texts: Vec<Vec<u8>> = (0..TEXTS_A_PART).map(|_| texts.next()).collect();
    let answers = oracle.ask(texts.iter().map(|text| question(text)));
    assert_eq!(answers.len(), texts.len());
    let compare = |(text, answer): (&Vec<u8>, &String)| {
        let shown = String::from_utf8_lossy(text).into_owned();
        (format!("{shown:?}"), agreement(text, answer))
    };
    texts.iter().zip(&answers).map(compare).collect()
}

/// A generator that meets only one outcome would prove nothing.
fn report(seen: &[(String, Agreement)]) {
    let count = |which: &Agreement| seen.iter().filter(|(_, how)| how == which).count();
    let [same, nothing, both, we] = [
        Agreement::Same,
        Agreement::Nothing,
        Agreement::BothRefuse,
        Agreement::WeRefuse,
    ]
    .map(|which| count(&which));
    println!(
        "{same} read alike, {nothing} with nothing to judge, {both} refused by both, {we} by us alone"
    );
    let differences = seen.iter().filter_map(|(text, how)| match how {
        Agreement::No(what) => Some(format!("{text}\n  {what}")),
        _ => None,
    });
    let differences: Vec<String> = differences.collect();
    let first: Vec<&String> = differences.iter().take(3).collect();
    assert!(
        first.is_empty(),
        "{} differences, such as\n{first:#?}",
        differences.len()
    );
    assert!(same > seen.len() / 10 && both > seen.len() / 10);
}
