//! Certificates that are made here: a CA, and what it signs.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// A CA with its key, PEM texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// Its certificate, for the `caBundle` of the webhook's registration.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// A serving certificate with its key, PEM texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// A CA and a serving certificate by it, for development: PEM texts.
pub struct DevelopmentCertificates {
    /// The CA.
    pub authority: Authority,
    /// The serving certificate.
    pub leaf: Leaf,
}

impl Authority {
    /// Makes a new one, good from yesterday for some days from now.
    pub fn make(name: &str, days: u16, now: Timestamp) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        common_name(&mut params, name);
        live(&mut params, days, now);
        Ok(Self {
            certificate: params.self_signed(&key)?.pem(),
            key: key.serialize_pem(),
        })
    }

    /// Signs a serving certificate for these names, with a new key, good from yesterday for some days from now.
    ///
    /// Fails where the texts are no CA and its key.
    pub fn issue(&self, names: &[String], days: u16, now: Timestamp) -> Result<Leaf, rcgen::Error> {
        let issuer = Issuer::from_ca_cert_pem(&self.certificate, KeyPair::from_pem(&self.key)?)?;
        let key = KeyPair::generate()?;
        let certificate = leaf_params(names, days, now)?.signed_by(&key, &issuer)?;
        Ok(Leaf {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

impl DevelopmentCertificates {
    /// Makes new keys and certificates, good from yesterday for some days from now.
    pub fn make(names: &[String], days: u16, now: Timestamp) -> Result<Self, rcgen::Error> {
        let authority = Authority::make("palette-rbac development CA", days, now)?;
        Ok(Self {
            leaf: authority.issue(names, days, now)?,
            authority,
        })
    }
}

fn leaf_params(
    names: &[String],
    days: u16,
    now: Timestamp,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names.to_vec())?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    common_name(
        &mut params,
        names.first().map_or("palette-rbac", |name| name),
    );
    live(&mut params, days, now);
    Ok(params)
}

fn common_name(params: &mut CertificateParams, common: &str) {
    params.distinguished_name.push(DnType::CommonName, common);
}

/// From yesterday, since clocks differ; to the end of the last day.
fn live(params: &mut CertificateParams, days: u16, now: Timestamp) {
    let day = |offset: i64| {
        let moment = now.saturating_add(SignedDuration::from_hours(24 * offset));
        let date = moment.unwrap_or(now).to_zoned(TimeZone::UTC).date();
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        date_time_ymd(i32::from(date.year()), month, day)
    };
    params.not_before = day(-1);
    params.not_after = day(i64::from(days) + 1);
}
