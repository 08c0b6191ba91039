//! Connections through TLS: whom headquarters believes, what it says who it is, and what it says
//! when either fails. The server is one of its own, with certificates made for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tillsync_hq::storage::{Storage, StorageError};
use tillsync_hq_postgres::{PostgresStorage, Trouble, trouble_of};
use tillsync_testkit::cluster::{Cluster, ServerPlan};

const PASSWORD: &str = "geheim";

/// Passwords, certificates and nothing else: a connection that is not encrypted is refused.
const RULES: &str = "local all all trust
hostssl all machine 127.0.0.1/32 cert
hostssl all all 127.0.0.1/32 scram-sha-256
";

const OPTIONS: &str = "-c listen_addresses=127.0.0.1 -c ssl=on -c ssl_cert_file=server.crt \
    -c ssl_key_file=server.key -c ssl_ca_file=ca.crt";

/// An authority, and what it has signed.
struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::new([]).expect("no names");
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("signed").pem();
        Authority { certificate, issuer: Issuer::new(parameters, key) }
    }

    /// A certificate and its key, both in PEM form.
    fn sign(&self, name: &str) -> (String, String) {
        let mut parameters = CertificateParams::new([name.to_owned()]).expect("a name");
        parameters.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.signed_by(&key, &self.issuer).expect("signed");
        (certificate.pem(), key.serialize_pem())
    }
}

/// A server that is called `db.example`, with a new database, and the files of a client.
struct Site {
    cluster: Cluster,
    socket: String,
    files: TempDir,
}

impl Site {
    fn new() -> Self {
        let (authority, stranger) = (Authority::new("ours"), Authority::new("theirs"));
        let (server, key) = authority.sign("db.example");
        let cluster = Cluster::start(&ServerPlan {
            options: OPTIONS,
            files: &[
                ("ca.crt", &authority.certificate),
                ("server.crt", &server),
                ("server.key", &key),
                ("pg_hba.conf", RULES),
            ],
            disk: None,
        });
        let files = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(files.path().join(name), text).expect("a file");
        };
        write("ca.crt", &authority.certificate);
        write("stranger.crt", &stranger.certificate);
        write("empty.crt", "");
        for (name, (certificate, key)) in
            [("machine", authority.sign("machine")), ("imposter", stranger.sign("machine"))]
        {
            write(&format!("{name}.crt"), &certificate);
            write(&format!("{name}.key"), &key);
        }
        let socket = cluster.new_database();
        let roles = format!(
            "CREATE ROLE ann LOGIN SUPERUSER PASSWORD '{PASSWORD}';
            CREATE ROLE machine LOGIN SUPERUSER"
        );
        cluster.sql(&socket, &roles).expect("roles");
        Site { cluster, socket, files }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// A URL with a password, and what else it says. The name of the host is what its certificate
    /// is checked against; the address is where it is.
    fn url(&self, host: &str, more: &str) -> String {
        let database = self.socket.rsplit_once("dbname=").expect("a name").1;
        let folder = self.files.path().display();
        let more = more.replace("FILES", &folder.to_string());
        format!(
            "host={host} hostaddr=127.0.0.1 port={} user=ann password={PASSWORD} dbname={database} \
             {more}",
            self.cluster.port()
        )
    }

    fn open(&self, url: &str) -> Result<Arc<dyn Storage>, StorageError> {
        Ok(Arc::new(PostgresStorage::open(url)?))
    }

    /// How many of headquarters' connections are encrypted.
    fn encrypted(&self) -> String {
        let sql = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
            WHERE ssl AND application_name = 'tillsync'";
        self.cluster.sql(&self.socket, sql).expect("a count")
    }

    /// Opening is refused, for this reason, and nothing secret is said.
    fn refused(&self, url: &str, trouble: &Trouble, words: &str) {
        let error = self.open(url).err().expect(url);
        let cause = std::error::Error::source(&error).expect("a cause").to_string();
        let shown = url.replace(PASSWORD, "…");
        assert_eq!(trouble_of(&error).as_ref(), Some(trouble), "{shown}: {error:?}");
        assert!(cause.contains(words), "{shown}: {cause}");
        assert!(!format!("{error:?} {cause}").contains(PASSWORD), "a password was told");
    }
}

#[test]
fn a_connection_is_as_safe_as_the_url_asks_for() {
    let site = Site::new();
    for (host, more) in [
        ("db.example", "sslmode=verify-full sslrootcert=FILES/ca.crt"),
        ("other.example", "sslmode=verify-ca sslrootcert=FILES/ca.crt"),
        ("other.example", "sslmode=require sslrootcert=FILES/ca.crt"),
        ("other.example", "sslmode=require"),
        ("other.example", "sslmode=prefer"),
        ("other.example", ""),
    ] {
        let storage = site.open(&site.url(host, more)).expect(more);
        storage.write(|tx| tx.pull_next()).expect("written");
        assert_eq!(site.encrypted(), "1", "{more}");
    }
}

#[test]
fn a_server_that_is_not_the_one_asked_for_is_never_spoken_to() {
    let site = Site::new();
    let refused = |host: &str, more: &str, trouble: Trouble, words: &str| {
        site.refused(&site.url(host, more), &trouble, words);
    };
    let encryption = || Trouble::Encryption;
    let full = "sslmode=verify-full sslrootcert=FILES/ca.crt";
    refused("other.example", full, encryption(), "other.example");
    let stranger = "sslmode=verify-full sslrootcert=FILES/stranger.crt";
    refused("db.example", stranger, encryption(), "UnknownIssuer");
    let stranger = "sslmode=verify-ca sslrootcert=FILES/stranger.crt";
    refused("db.example", stranger, encryption(), "UnknownIssuer");
    let answer = |state: &str| Trouble::Answer(state.to_owned());
    refused("db.example", "sslmode=disable", answer("28000"), "no encryption");
    let wrong = site.url("db.example", full).replace(PASSWORD, "falsch");
    site.refused(&wrong, &answer("28P01"), "password authentication failed");
    let nothing = site.url("db.example", full).replace("dbname=", "dbname=no_");
    site.refused(&nothing, &answer("3D000"), "does not exist");
}

#[test]
fn a_server_without_encryption_is_refused_where_encryption_is_asked_for() {
    let plain = Cluster::start(&ServerPlan {
        options: "-c listen_addresses=127.0.0.1",
        ..ServerPlan::default()
    });
    let socket = plain.new_database();
    let database = socket.rsplit_once("dbname=").expect("a name").1;
    let url = format!("host=127.0.0.1 port={} user=postgres dbname={database}", plain.port());
    for mode in ["require", "verify-full"] {
        let error = PostgresStorage::open(&format!("{url} sslmode={mode} sslrootcert=system"));
        // Asking anybody whose certificate the system trusts is good for one mode only.
        let expected = if mode == "require" { Trouble::Certificates } else { Trouble::Encryption };
        let error = error.err().expect(mode);
        assert_eq!(trouble_of(&error), Some(expected), "{mode}: {error:?}");
    }
    let error = PostgresStorage::open(&format!("{url} sslmode=require")).err().expect("refused");
    assert_eq!(trouble_of(&error), Some(Trouble::Encryption), "{error:?}");
    PostgresStorage::open(&format!("{url} sslmode=prefer")).expect("as good as it gets");
    // A socket is never encrypted, whatever is asked for.
    PostgresStorage::open(&format!("{socket} sslmode=verify-full")).expect("a socket");
}

#[test]
fn headquarters_shows_a_certificate_of_its_own() {
    let site = Site::new();
    let machine = |pair: &str| {
        let more = format!("{pair} sslmode=verify-full sslrootcert=FILES/ca.crt");
        site.url("db.example", &more).replace(&format!("ann password={PASSWORD}"), "machine")
    };
    let pair = "sslcert=FILES/machine.crt sslkey=FILES/machine.key";
    let storage = site.open(&machine(pair)).expect("certified");
    storage.write(|tx| tx.pull_next()).expect("written");
    assert_eq!(site.encrypted(), "1");
    let refusal = Trouble::Answer("28000".to_owned());
    site.refused(&machine(""), &refusal, "valid client certificate");
    let imposter = "sslcert=FILES/imposter.crt sslkey=FILES/imposter.key";
    site.refused(&machine(imposter), &Trouble::Encryption, "");
    for (pair, words) in [
        ("sslcert=FILES/machine.crt", "without sslkey"),
        ("sslcert=FILES/missing.crt sslkey=FILES/machine.key", "missing.crt"),
        ("sslcert=FILES/machine.crt sslkey=FILES/missing.key", "missing.key"),
        ("sslcert=FILES/empty.crt sslkey=FILES/machine.key", "empty.crt"),
        ("sslcert=FILES/machine.crt sslkey=FILES/imposter.key", "do not fit"),
    ] {
        site.refused(&machine(pair), &Trouble::Certificates, words);
    }
    assert!(Path::new(&site.file("machine.key")).exists());
}
