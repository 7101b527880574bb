//! What one role allows and another does not.
//!
//! The words of the one that is asked about (as the API server calls it, the servant) are put into classes by what the
//! other one (the owner) knows of them: all words that it has never heard of are alike to it. What is left to answer is
//! few, whatever the size of the larger of both; the owner's rules are gone through once to answer all of it.

use std::collections::{BTreeMap, HashMap};

use super::builder::Builder;
use super::table::Table;
use super::verbs::{AskedVerbs, VerbSet, VerbSpace};
use super::{ResourceRule, Rules, SETS, STEPS, TooMuch, paths};
use crate::rbac::steps;
use crate::rbac::words::{Translation, WordId, as_place};

/// What stands for all in [`share`].
const WHOLE: u128 = 1000;

/// Whether nothing is missing.
pub(super) fn covers(owner: &Table, servant: &Table) -> Result<bool, TooMuch> {
    if !paths::covers(owner, servant)? {
        return Ok(false);
    }
    let answered = Answered::of(owner, servant)?;
    let is_answered = |question: &Question<'_>| {
        question.targets().all(|target| {
            let granted = answered.granted(target);
            answered.missing(question, &granted).is_none()
        })
    };
    Ok(answered.questions.iter().all(is_answered))
}

/// How much of the servant's rules about resources the owner has, in thousandths: each rule counts the same, and of a rule
/// each verb on each target.
pub(super) fn share(owner: &Table, servant: &Table) -> Result<usize, TooMuch> {
    let answered = Answered::of(owner, servant)?;
    let shares = answered.questions.iter().map(|it| answered.share(it));
    let sum = shares.fold(0, usize::saturating_add);
    Ok(sum.checked_div(answered.questions.len()).unwrap_or(0))
}

/// The part of the servant's rules that the owner does not have.
pub(super) fn missing(owner: &Table, servant: &Table) -> Result<Rules, TooMuch> {
    let mut builder = Builder::default();
    let answered = Answered::of(owner, servant)?;
    for question in &answered.questions {
        match answered.pieces(question) {
            Some(pieces) => pieces
                .iter()
                .for_each(|piece| piece.put(question, &mut builder)),
            None => builder.copy(question.rule),
        }
    }
    paths::missing(owner, servant, &mut builder)?;
    Ok(builder.finish())
}

/// Classes of targets that may be asked about in one comparison.
const TARGETS: usize = 1 << 14;

/// Something that the owner's rules say to a word of the servant: the words of its own that stand for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct WordClass {
    own: Option<WordId>,
    /// Of a subresource: `*/subresource`.
    any: Option<WordId>,
}

/// A rule of the servant.
#[derive(Debug)]
struct Question<'s> {
    rule: ResourceRule<'s>,
    groups: Classified,
    resources: Classified,
    /// One class of no word where all names are asked for.
    names: Classified,
    verbs: AskedVerbs,
}

/// Words by class.
#[derive(Debug)]
struct Classified(Vec<(WordClass, WordId)>);

/// The class of a group, a resource and a name.
type TargetClasses = [WordClass; 3];

/// What the owner may have a rule for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct TargetKey {
    group: WordId,
    resource: WordId,
    name: Option<WordId>,
}

#[derive(Debug)]
struct Answered<'a> {
    questions: Vec<Question<'a>>,
    star: Option<WordId>,
    to_owner: Translation,
    verbs: VerbSpace,
    /// Sorted.
    keys: Vec<TargetKey>,
    /// Of each key.
    grants: Vec<VerbSet>,
}

impl<'a> Answered<'a> {
    fn of(owner: &Table, servant: &'a Table) -> Result<Self, TooMuch> {
        let to_owner = servant.words.in_other(&owner.words);
        let star = owner.words.find("*");
        let known = |rule: ResourceRule<'_>| {
            let verbs = rule.verbs.iter();
            verbs
                .filter_map(|verb| to_owner.get(*verb))
                .collect::<Vec<_>>()
        };
        let verbs = VerbSpace::new(star, servant.resource_rules().flat_map(known));
        if servant.resource_rules().len().saturating_mul(verbs.width()) > SETS {
            return Err(TooMuch);
        }
        let any = AnyOf::of(owner);
        let questions = servant.resource_rules();
        let questions = questions.map(|rule| Question::of(rule, &to_owner, &any, &verbs));
        let mut answered = Self {
            questions: questions.collect(),
            star,
            to_owner,
            verbs,
            keys: Vec::new(),
            grants: Vec::new(),
        };
        answered.ask()?;
        answered.answer(owner)?;
        Ok(answered)
    }

    fn ask(&mut self) -> Result<(), TooMuch> {
        let targets = self.questions.iter().map(Question::size);
        let targets = targets.fold(0, usize::saturating_add);
        if targets > TARGETS || targets.saturating_mul(self.verbs.width()) > SETS {
            return Err(TooMuch);
        }
        let targets = self.questions.iter().flat_map(Question::targets);
        let mut keys: Vec<TargetKey> = targets.flat_map(|it| keys(it, self.star)).collect();
        keys.sort_unstable();
        keys.dedup();
        self.keys = keys;
        self.grants = vec![self.verbs.none(); self.keys.len()];
        Ok(())
    }

    fn answer(&mut self, owner: &Table) -> Result<(), TooMuch> {
        let by_resource = self.by_resource(owner);
        let mut steps = 0;
        for rule in owner.resource_rules() {
            steps::count(rule.len());
            let mut verbs = None;
            let keys = rule.resources.iter();
            let keys = keys.filter_map(|resource| by_resource.get(as_place(*resource)));
            for (key, number) in keys.flatten() {
                steps += self.verbs.width();
                steps::count(self.verbs.width());
                if steps > STEPS {
                    return Err(TooMuch);
                }
                if key.is_of(rule)
                    && let Some(granted) = self.grants.get_mut(*number)
                {
                    granted.add(verbs.get_or_insert_with(|| self.verbs.granted(rule.verbs)));
                }
            }
        }
        Ok(())
    }

    fn by_resource(&self, owner: &Table) -> Vec<Vec<(TargetKey, usize)>> {
        let mut by_resource = vec![Vec::new(); owner.words.len()];
        for (number, key) in self.keys.iter().enumerate() {
            if let Some(keys) = by_resource.get_mut(as_place(key.resource)) {
                keys.push((*key, number));
            }
        }
        by_resource
    }

    fn granted(&self, target: TargetClasses) -> VerbSet {
        let mut all = self.verbs.none();
        steps::count(1);
        for key in keys(target, self.star) {
            let number = self.keys.binary_search(&key).ok();
            if let Some(granted) = number.and_then(|number| self.grants.get(number)) {
                all.add(granted);
            }
        }
        all
    }

    /// The verbs that are asked for and not granted; if those alone that the owner does not know, the set is empty.
    fn missing(&self, question: &Question<'_>, granted: &VerbSet) -> Option<VerbSet> {
        if self.verbs.is_all(granted) {
            return None;
        }
        let missing = question.verbs.known.without(granted);
        (question.verbs.has_unknown || !missing.is_empty()).then_some(missing)
    }

    fn share(&self, question: &Question<'a>) -> usize {
        let (mut all, mut missing) = (0_usize, 0_usize);
        for (group, groups) in question.groups.classes() {
            for (name, names) in question.names.classes() {
                for (resource, resources) in question.resources.classes() {
                    let targets = groups.len() * names.len() * resources.len();
                    let verbs = question.rule.verbs.len();
                    all = all.saturating_add(targets.saturating_mul(verbs));
                    let granted = self.granted([group, resource, name]);
                    if let Some(verbs) = self.missing(question, &granted) {
                        let verbs = self.words_of(question, &verbs).len();
                        missing = missing.saturating_add(targets.saturating_mul(verbs));
                    }
                }
            }
        }
        let granted = u128::try_from(all.saturating_sub(missing)).unwrap_or(0);
        let share = granted * WHOLE / u128::try_from(all).unwrap_or(u128::MAX).max(1);
        usize::try_from(share).unwrap_or(0)
    }

    /// What is missing of a rule; nothing if that is better said by the whole rule.
    fn pieces(&self, question: &Question<'a>) -> Option<Vec<Piece>> {
        let most = 8 * question.rule.len() + 256;
        let mut size = 0;
        let mut pieces = Vec::new();
        for (group, groups) in question.groups.classes() {
            for (name, names) in question.names.classes() {
                let mut by_verbs: BTreeMap<VerbSet, Vec<WordId>> = BTreeMap::new();
                for (resource, resources) in question.resources.classes() {
                    let granted = self.granted([group, resource, name]);
                    if let Some(missing) = self.missing(question, &granted) {
                        by_verbs
                            .entry(missing)
                            .or_default()
                            .extend(words(resources));
                    }
                }
                for (verbs, resources) in by_verbs {
                    let piece = Piece {
                        groups: words(groups).collect(),
                        names: words(names).collect(),
                        verbs: self.words_of(question, &verbs),
                        resources,
                    };
                    size += piece.len();
                    pieces.push(piece);
                    if size > most {
                        return None;
                    }
                }
            }
        }
        Some(pieces)
    }

    fn words_of(&self, question: &Question<'_>, missing: &VerbSet) -> Vec<WordId> {
        let is_missing = |verb: &&WordId| {
            let own = self.to_owner.get(**verb);
            own.is_none_or(|own| self.verbs.contains(missing, own))
        };
        let verbs = question.rule.verbs.iter();
        verbs.filter(is_missing).copied().collect()
    }
}

impl<'s> Question<'s> {
    fn of(
        rule: ResourceRule<'s>,
        to_owner: &Translation,
        any: &AnyOf<'_>,
        verbs: &VerbSpace,
    ) -> Self {
        steps::count(rule.len());
        let plain = |id| WordClass {
            own: to_owner.get(id),
            any: None,
        };
        let resource = |id| WordClass {
            any: any.of_word(rule.word(id)),
            ..plain(id)
        };
        Self {
            groups: Classified::of(rule.groups, plain),
            resources: Classified::of(rule.resources, resource),
            names: match rule.names {
                [] => Classified(vec![(WordClass::default(), WordId::MAX)]),
                names => Classified::of(names, plain),
            },
            verbs: verbs.asked(rule.verbs.iter().map(|verb| to_owner.get(*verb))),
            rule,
        }
    }

    fn size(&self) -> usize {
        let resources = self.groups.len().saturating_mul(self.resources.len());
        resources.saturating_mul(self.names.len())
    }

    fn targets(&self) -> impl Iterator<Item = TargetClasses> {
        self.groups.classes().flat_map(move |(group, _)| {
            self.resources.classes().flat_map(move |(resource, _)| {
                let names = self.names.classes();
                names.map(move |(name, _)| [group, resource, name])
            })
        })
    }
}

impl Classified {
    fn of(words: &[WordId], class: impl Fn(WordId) -> WordClass) -> Self {
        let mut all: Vec<(WordClass, WordId)> = words.iter().map(|id| (class(*id), *id)).collect();
        all.sort_unstable();
        Self(all)
    }

    fn classes(&self) -> impl Iterator<Item = (WordClass, &[(WordClass, WordId)])> {
        let chunks = self.0.chunk_by(|(one, _), (two, _)| one == two);
        chunks.filter_map(|chunk| Some((chunk.first()?.0, chunk)))
    }

    fn len(&self) -> usize {
        self.classes().count()
    }
}

fn words(of_class: &[(WordClass, WordId)]) -> impl Iterator<Item = WordId> {
    of_class.iter().map(|(_, word)| *word)
}

/// What the owner may have rules for that stand for this target: as many as there are wildcards that fit, and one.
fn keys(
    [group, resource, name]: TargetClasses,
    star: Option<WordId>,
) -> impl Iterator<Item = TargetKey> {
    let other_star = |own| star.filter(|star| Some(*star) != own);
    let groups = [group.own, other_star(group.own)];
    let any = resource.any.filter(|any| Some(*any) != resource.own);
    let resources = [resource.own, any, other_star(resource.own)];
    let names = [Some(None), name.own.map(Some)];
    groups.into_iter().flatten().flat_map(move |group| {
        resources.into_iter().flatten().flat_map(move |resource| {
            names.into_iter().flatten().map(move |name| TargetKey {
                group,
                resource,
                name,
            })
        })
    })
}

impl TargetKey {
    /// Whether the rule, which has the resource, is about the rest as well.
    fn is_of(&self, rule: ResourceRule<'_>) -> bool {
        rule.groups.binary_search(&self.group).is_ok()
            && match self.name {
                None => rule.names.is_empty(),
                Some(name) => rule.names.binary_search(&name).is_ok(),
            }
    }
}

/// The words `*/subresource` of the owner, by subresource.
struct AnyOf<'o>(HashMap<&'o str, WordId>);

impl<'o> AnyOf<'o> {
    fn of(owner: &'o Table) -> Self {
        let of_word = |(id, word): (WordId, &'o str)| Some((word.strip_prefix("*/")?, id));
        Self(owner.words.iter().filter_map(of_word).collect())
    }

    fn of_word(&self, resource: &str) -> Option<WordId> {
        if self.0.is_empty() {
            return None;
        }
        let (_, sub) = resource.split_once('/')?;
        self.0.get(sub).copied()
    }
}

/// What is missing of a rule for some of its groups and names.
struct Piece {
    groups: Vec<WordId>,
    resources: Vec<WordId>,
    names: Vec<WordId>,
    verbs: Vec<WordId>,
}

impl Piece {
    fn len(&self) -> usize {
        self.groups.len() + self.resources.len() + self.names.len() + self.verbs.len()
    }

    fn put(&self, question: &Question<'_>, builder: &mut Builder) {
        let rule = question.rule;
        let names: &[WordId] = if rule.names.is_empty() {
            &[]
        } else {
            &self.names
        };
        let [groups, resources] =
            [&self.groups, &self.resources].map(|ids| ids.iter().map(|id| rule.word(*id)));
        let [names, verbs] = [names, &self.verbs].map(|ids| ids.iter().map(|id| rule.word(*id)));
        builder.resource_rule(groups, resources, names, verbs);
    }
}
