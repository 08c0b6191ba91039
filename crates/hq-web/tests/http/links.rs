//! Packages in a bucket: through headquarters, or by a link to the bucket itself.

use serde_json::Value;
use tillsync_exchange::package::{BYTES_HEADER, Manifest, Verifier};
use tillsync_hq_web::PackageLinks;

use crate::bucket::Bucket;
use crate::site::{Answer, Site, wait_for};

/// What a store is offered first: the snapshot it begins with.
fn first_offer(site: &Site, secret: &str) -> (String, Manifest) {
    let offer = wait_for("a package is offered", || {
        let answer = site.poll(secret, "S1", 5_000).expect(200);
        answer["offers"].as_array().expect("offers").first().cloned()
    });
    let manifest: Value = offer["manifest"].clone();
    let manifest: Manifest = serde_json::from_value(manifest).expect("a manifest");
    (format!("/exchange/v1/packages/{}?database=S1", manifest.id), manifest)
}

fn get(site: &Site, secret: &str, path: &str) -> Answer {
    site.call(("GET", path), Some(secret), None)
}

#[test]
fn a_caller_that_follows_links_is_sent_to_the_bucket_and_needs_no_credential_there() {
    let bucket = Bucket::open();
    let site = Site::open_over(bucket.store(), PackageLinks::Direct);
    let secret = site.enrol_store("S1");
    let (path, manifest) = first_offer(&site, &secret);
    let sent_away = get(&site, &secret, &format!("{path}&redirect=true"));
    assert_eq!((sent_away.status, sent_away.bytes.as_slice()), (307, &[][..]));
    assert_eq!(sent_away.headers["cache-control"], "no-store");
    assert_eq!(sent_away.headers[BYTES_HEADER], manifest.bytes.to_string().as_str());
    let link = sent_away.headers["location"].to_str().expect("a URL");
    assert!(link.contains("X-Amz-Expires=300&") && link.contains("X-Amz-Signature="), "{link}");
    assert!(!link.contains("geheim"), "{link}");
    let bytes = ureq::get(link).call().expect("no credential is asked for");
    let bytes = bytes.into_body().read_to_vec().expect("the package");
    Verifier::check(&bytes, &manifest).expect("the bytes that were announced");
    assert_eq!(site.metric("tillsync_packages_sent_total{way=\"link\"}"), Some(1.0));
}

#[test]
fn a_caller_that_does_not_ask_for_a_link_gets_the_bytes_here() {
    let bucket = Bucket::open();
    let site = Site::open_over(bucket.store(), PackageLinks::Direct);
    let secret = site.enrol_store("S1");
    let (path, manifest) = first_offer(&site, &secret);
    for path in [path.clone(), format!("{path}&redirect=false")] {
        let answer = get(&site, &secret, &path);
        assert_eq!(answer.status, 200);
        Verifier::check(&answer.bytes, &manifest).expect("the bytes that were announced");
    }
}

#[test]
fn there_are_no_links_unless_they_are_switched_on_and_never_to_a_folder() {
    let bucket = Bucket::open();
    let folder = tempfile::tempdir().expect("a folder");
    let files = tillsync_hq::PackageStore::open_folder(folder.path()).expect("a store");
    for (store, links) in [(bucket.store(), PackageLinks::default()), (files, PackageLinks::Direct)]
    {
        let site = Site::open_over(store, links);
        let secret = site.enrol_store("S1");
        let (path, manifest) = first_offer(&site, &secret);
        let answer = get(&site, &secret, &format!("{path}&redirect=true"));
        assert_eq!(answer.status, 200, "{links:?}");
        Verifier::check(&answer.bytes, &manifest).expect("the bytes that were announced");
    }
}

#[test]
fn a_link_is_given_to_nobody_but_the_database_that_the_package_was_offered_to() {
    let bucket = Bucket::open();
    let site = Site::open_over(bucket.store(), PackageLinks::Direct);
    let secret = site.enrol_store("S1");
    let stranger = site.enrol_store("S2");
    let (path, _) = first_offer(&site, &secret);
    let path = format!("{path}&redirect=true");
    get(&site, &stranger, &path).refusal(403, "forbidden");
    get(&site, "nobody", &path).refusal(401, "forbidden");
    get(&site, &stranger, &path.replace("=S1", "=S2")).refusal(404, "not_found");
}

#[test]
fn a_young_object_that_a_bucket_does_not_show_is_asked_for_again() {
    let bucket = Bucket::open();
    let site = Site::open_over(bucket.store(), PackageLinks::ThroughHeadquarters);
    let secret = site.enrol_store("S1");
    let (path, _) = first_offer(&site, &secret);
    bucket.empty();
    let message = get(&site, &secret, &path).refusal(503, "busy");
    assert!(message.contains("there is no such object"), "{message}");
}
