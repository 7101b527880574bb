//! What is to be done next, from what is there.

use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use x509_parser::certificate::X509Certificate;
use x509_parser::parse_x509_certificate;

use crate::sources::{Authority, Leaf, is_for};

/// What the Secret holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// The CA that signs.
    pub authority: Option<Authority>,
    /// CAs that signed before, each a PEM text: what they signed may still be served.
    pub former: Vec<String>,
    /// The serving certificate.
    pub leaf: Option<Leaf>,
    /// When the registration had all of them.
    pub announced: Option<Timestamp>,
    /// When the serving certificate was signed.
    pub issued: Option<Timestamp>,
    /// What somebody asked to be replaced, and was not yet.
    pub asked: Option<Asked>,
}

/// What somebody wants replaced before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The CA, and with it the serving certificate.
    Authority,
    /// The serving certificate.
    Leaf,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A new CA is to be made; these CAs are to be trusted beside it.
    MakeAuthority {
        /// PEM texts, each a certificate.
        former: Vec<String>,
    },
    /// The registration is to trust these and no others.
    Announce {
        /// PEM texts, each a certificate.
        bundle: Vec<String>,
    },
    /// That the registration trusts them is to be noted.
    NoteAnnounced,
    /// A serving certificate is to be signed.
    Issue,
    /// Former CAs are to be forgotten: nothing that they signed is served any more.
    ForgetFormer,
    /// Nothing, until time passes or something changes.
    Wait,
}

/// The next step. `bundles` are the `caBundle`s of the registration's webhooks, each as PEM; none where there is no
/// registration yet.
pub fn plan(kept: &Kept, bundles: Option<&[String]>, names: &[String], now: Timestamp) -> Step {
    let Some(authority) = usable_authority(kept, now) else {
        // What is served now was signed by one that the registration trusts, if the Secret does not know it any more.
        let mut former: Vec<String> = kept
            .authority
            .iter()
            .map(|it| it.certificate.clone())
            .collect();
        former.extend(kept.former.iter().cloned());
        former.extend(
            bundles
                .into_iter()
                .flatten()
                .flat_map(|bundle| certificates(bundle)),
        );
        return Step::MakeAuthority {
            former: trusted(former, now),
        };
    };
    let mut wanted = vec![authority.certificate.trim().to_owned()];
    wanted.extend(trusted(kept.former.clone(), now));
    wanted.dedup();
    if let Some(bundles) = bundles {
        let has = |bundle: &String| same(&certificates(bundle), &wanted);
        if !bundles.iter().all(has) {
            return Step::Announce { bundle: wanted };
        }
        if kept.announced.is_none() {
            return Step::NoteAnnounced;
        }
    }
    match leaf_state(kept, authority, names, now) {
        LeafState::Unusable => Step::Issue,
        LeafState::ToBeReplaced if has_settled(kept.announced, ANNOUNCED, now) => Step::Issue,
        LeafState::Good if !kept.former.is_empty() && has_settled(kept.issued, SERVED, now) => {
            Step::ForgetFormer
        }
        LeafState::ToBeReplaced | LeafState::Good => Step::Wait,
    }
}

enum LeafState {
    /// Nobody can serve it, so there is nothing to lose.
    Unusable,
    /// It is served, and another one should be.
    ToBeReplaced,
    Good,
}

/// A CA that can sign for longer than what it signs lives.
fn usable_authority(kept: &Kept, now: Timestamp) -> Option<&Authority> {
    let authority = kept.authority.as_ref()?;
    let is_asked = kept.asked == Some(Asked::Authority);
    let lives = life(&authority.certificate).is_some_and(|life| !life.is_mostly_over(now));
    let probe = authority.issue(&[String::from("probe")], 1, now);
    let signs = probe.is_ok_and(|leaf| is_signed_by(&leaf.certificate, &authority.certificate));
    (lives && signs && !is_asked).then_some(authority)
}

fn leaf_state(kept: &Kept, authority: &Authority, names: &[String], now: Timestamp) -> LeafState {
    let Some(leaf) = &kept.leaf else {
        return LeafState::Unusable;
    };
    let Some(life) = life(&leaf.certificate).filter(|life| life.is_on(now)) else {
        return LeafState::Unusable;
    };
    let all = || std::iter::once(&authority.certificate).chain(&kept.former);
    if !all().any(|ca| is_signed_by(&leaf.certificate, ca)) {
        return LeafState::Unusable;
    }
    let is_current = is_signed_by(&leaf.certificate, &authority.certificate)
        && !life.is_mostly_over(now)
        && has_names(&leaf.certificate, names)
        && kept.asked != Some(Asked::Leaf);
    if is_current {
        LeafState::Good
    } else {
        LeafState::ToBeReplaced
    }
}

fn has_settled(since: Option<Timestamp>, time: SignedDuration, now: Timestamp) -> bool {
    since.is_some_and(|since| now.duration_since(since) >= time)
}

/// From when to when a certificate is good.
struct Life {
    from: Timestamp,
    to: Timestamp,
}

impl Life {
    fn is_on(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.to
    }

    /// Less than a third is left.
    fn is_mostly_over(&self, now: Timestamp) -> bool {
        let whole = self.to.duration_since(self.from).as_secs();
        !self.is_on(now) || self.to.duration_since(now).as_secs() * 3 < whole
    }
}

fn life(pem: &str) -> Option<Life> {
    parsed(pem, |certificate| {
        let validity = certificate.validity();
        Some(Life {
            from: Timestamp::from_second(validity.not_before.timestamp()).ok()?,
            to: Timestamp::from_second(validity.not_after.timestamp()).ok()?,
        })
    })
}

fn has_names(pem: &str, names: &[String]) -> bool {
    let names = names.iter().map(|name| ServerName::try_from(name.clone()));
    let names: Result<Vec<ServerName<'static>>, _> = names.collect();
    names.is_ok_and(|names| is_for(pem, &names))
}

fn is_signed_by(leaf: &str, ca: &str) -> bool {
    parsed(ca, |ca| {
        parsed(leaf, |leaf| {
            leaf.verify_signature(Some(ca.public_key())).ok()
        })
    })
    .is_some()
}

fn parsed<T>(pem: &str, with: impl FnOnce(&X509Certificate<'_>) -> Option<T>) -> Option<T> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let (_, certificate) = parse_x509_certificate(&der).ok()?;
    with(&certificate)
}

/// Those of CAs that have not run out, once each, the first of them.
fn trusted(all: Vec<String>, now: Timestamp) -> Vec<String> {
    let mut trusted: Vec<String> = Vec::new();
    for pem in all {
        let pem = pem.trim().to_owned();
        let is_good = life(&pem).is_some_and(|life| life.is_on(now));
        if is_good && !trusted.contains(&pem) && trusted.len() < MOST_FORMER {
            trusted.push(pem);
        }
    }
    trusted
}

/// The certificates of a bundle, each as a text of its own.
pub(super) fn certificates(bundle: &str) -> Vec<String> {
    const END: &str = "-----END CERTIFICATE-----";
    let parts = bundle.split_inclusive(END).map(str::trim);
    parts
        .filter(|part| part.ends_with(END))
        .map(str::to_owned)
        .collect()
}

fn same(one: &[String], other: &[String]) -> bool {
    let normal = |all: &[String]| {
        let mut all: Vec<String> = all.iter().map(|it| it.replace('\r', "")).collect();
        all.sort();
        all
    };
    normal(one) == normal(other)
}

/// API servers take a changed registration within seconds.
const ANNOUNCED: SignedDuration = SignedDuration::from_secs(20);

/// Replicas serve a changed Secret within seconds; one that is cut off from the API server for longer than this is in greater
/// trouble.
const SERVED: SignedDuration = SignedDuration::from_hours(24);

const MOST_FORMER: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "palette-rbac.palette-rbac.svc";

    fn now() -> Timestamp {
        "2026-11-27T12:00:00Z".parse().unwrap()
    }

    fn days(days: i64) -> Timestamp {
        now() + SignedDuration::from_hours(24 * days)
    }

    fn names() -> Vec<String> {
        vec![NAME.to_owned()]
    }

    fn authority() -> Authority {
        Authority::make("a test's CA", 3650, now()).unwrap()
    }

    /// A CA, its leaf, and a registration that trusts it.
    fn settled() -> (Kept, Vec<String>) {
        let authority = authority();
        let kept = Kept {
            leaf: Some(authority.issue(&names(), 90, now()).unwrap()),
            announced: Some(now()),
            issued: Some(now()),
            authority: Some(authority.clone()),
            ..Kept::default()
        };
        (kept, vec![authority.certificate; 3])
    }

    #[test]
    fn from_nothing_to_a_certificate_that_is_trusted() {
        let mut kept = Kept::default();
        let mut bundles = vec![String::new(); 3];
        let step = plan(&kept, Some(&bundles), &names(), now());
        assert_eq!(step, Step::MakeAuthority { former: vec![] });
        let authority = authority();
        kept.authority = Some(authority.clone());
        let wanted = vec![authority.certificate.trim().to_owned()];
        let step = plan(&kept, Some(&bundles), &names(), now());
        assert_eq!(
            step,
            Step::Announce {
                bundle: wanted.clone()
            }
        );
        bundles.fill(wanted.join("\n"));
        assert_eq!(
            plan(&kept, Some(&bundles), &names(), now()),
            Step::NoteAnnounced
        );
        kept.announced = Some(now());
        // Nobody serves anything yet.
        assert_eq!(plan(&kept, Some(&bundles), &names(), now()), Step::Issue);
        kept.leaf = Some(authority.issue(&names(), 90, now()).unwrap());
        assert_eq!(plan(&kept, Some(&bundles), &names(), now()), Step::Wait);
    }

    #[test]
    fn without_a_registration_there_is_a_certificate_all_the_same() {
        let mut kept = Kept {
            authority: Some(authority()),
            ..Kept::default()
        };
        assert_eq!(plan(&kept, None, &names(), now()), Step::Issue);
        kept.leaf = Some(
            kept.authority
                .as_ref()
                .unwrap()
                .issue(&names(), 90, now())
                .unwrap(),
        );
        assert_eq!(plan(&kept, None, &names(), now()), Step::Wait);
    }

    #[test]
    fn a_leaf_is_replaced_while_a_third_of_its_life_is_left() {
        let (kept, bundles) = settled();
        assert_eq!(plan(&kept, Some(&bundles), &names(), days(59)), Step::Wait);
        assert_eq!(plan(&kept, Some(&bundles), &names(), days(62)), Step::Issue);
        let other = vec!["other.palette-rbac.svc".to_owned()];
        assert_eq!(plan(&kept, Some(&bundles), &other, days(1)), Step::Issue);
    }

    #[test]
    fn a_new_ca_is_trusted_for_a_while_before_it_signs_what_is_served() {
        let (mut kept, mut bundles) = settled();
        kept.asked = Some(Asked::Authority);
        let old = kept
            .authority
            .clone()
            .unwrap()
            .certificate
            .trim()
            .to_owned();
        let step = plan(&kept, Some(&bundles), &names(), now());
        assert_eq!(
            step,
            Step::MakeAuthority {
                former: vec![old.clone()]
            }
        );
        let new = authority();
        kept = Kept {
            authority: Some(new.clone()),
            former: vec![old.clone()],
            announced: None,
            asked: None,
            ..kept
        };
        let bundle = vec![new.certificate.trim().to_owned(), old];
        let step = plan(&kept, Some(&bundles), &names(), now());
        assert_eq!(
            step,
            Step::Announce {
                bundle: bundle.clone()
            }
        );
        bundles.fill(bundle.join("\n"));
        assert_eq!(
            plan(&kept, Some(&bundles), &names(), now()),
            Step::NoteAnnounced
        );
        kept.announced = Some(now());
        // The old leaf is served and trusted until then.
        assert_eq!(plan(&kept, Some(&bundles), &names(), now()), Step::Wait);
        let later = now() + SignedDuration::from_secs(21);
        assert_eq!(plan(&kept, Some(&bundles), &names(), later), Step::Issue);
        kept.leaf = Some(new.issue(&names(), 90, later).unwrap());
        kept.issued = Some(later);
        assert_eq!(plan(&kept, Some(&bundles), &names(), later), Step::Wait);
        assert_eq!(
            plan(&kept, Some(&bundles), &names(), days(2)),
            Step::ForgetFormer
        );
    }

    #[test]
    fn an_emptied_secret_leaves_what_is_served_trusted() {
        let (kept, bundles) = settled();
        let old = kept.authority.unwrap().certificate.trim().to_owned();
        let step = plan(&Kept::default(), Some(&bundles), &names(), now());
        assert_eq!(step, Step::MakeAuthority { former: vec![old] });
    }

    #[test]
    fn an_emptied_bundle_is_filled_again_and_a_foreign_ca_taken_out() {
        let (kept, mut bundles) = settled();
        let own = kept
            .authority
            .as_ref()
            .unwrap()
            .certificate
            .trim()
            .to_owned();
        let foreign = authority().certificate;
        for spoilt in [String::new(), foreign.clone(), format!("{own}\n{foreign}")] {
            bundles[1] = spoilt;
            let step = plan(&kept, Some(&bundles), &names(), now());
            assert_eq!(
                step,
                Step::Announce {
                    bundle: vec![own.clone()]
                }
            );
        }
    }

    #[test]
    fn what_is_broken_is_made_anew() {
        let (kept, bundles) = settled();
        let mut broken = kept.clone();
        broken.authority.as_mut().unwrap().key = authority().key;
        let step = plan(&broken, Some(&bundles), &names(), now());
        assert!(matches!(step, Step::MakeAuthority { .. }), "{step:?}");
        let mut broken = kept.clone();
        broken.authority.as_mut().unwrap().key = "no key".to_owned();
        let step = plan(&broken, Some(&bundles), &names(), now());
        assert!(matches!(step, Step::MakeAuthority { .. }), "{step:?}");
        let mut broken = kept;
        broken.leaf.as_mut().unwrap().certificate =
            authority().issue(&names(), 9, now()).unwrap().certificate;
        assert_eq!(plan(&broken, Some(&bundles), &names(), now()), Step::Issue);
    }
}
