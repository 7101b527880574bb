//! Certificates to try the webhook out with.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// A CA and a serving certificate by it, for development: PEM texts.
pub struct DevelopmentCertificates {
    /// The CA's certificate, for the `caBundle` of the webhook's registration.
    pub ca: String,
    /// The CA's key.
    pub ca_key: String,
    /// The serving certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl DevelopmentCertificates {
    /// Makes new keys and certificates, good from yesterday for some days from now.
    pub fn make(names: &[String], days: u16, now: Timestamp) -> Result<Self, rcgen::Error> {
        let ca_key = KeyPair::generate()?;
        let ca_params = ca_params(days, now)?;
        let ca = ca_params.self_signed(&ca_key)?;
        let key = KeyPair::generate()?;
        let issuer = Issuer::from_params(&ca_params, &ca_key);
        let certificate = leaf_params(names, days, now)?.signed_by(&key, &issuer)?;
        Ok(Self {
            ca: ca.pem(),
            ca_key: ca_key.serialize_pem(),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn ca_params(days: u16, now: Timestamp) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    name(&mut params, "palette-rbac development CA");
    live(&mut params, days, now);
    Ok(params)
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
    name(
        &mut params,
        names.first().map_or("palette-rbac", |name| name),
    );
    live(&mut params, days, now);
    Ok(params)
}

fn name(params: &mut CertificateParams, common: &str) {
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
