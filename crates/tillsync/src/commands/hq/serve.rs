//! `tillsync hq serve`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tillsync_exchange::device::Secret;
use tillsync_fleet::DatabaseUrl;
use tillsync_hq::Headquarters;
use tillsync_hq::access::AccessError;
use tillsync_hq::storage::NodeName;
use tillsync_hq_web::{PlainHttp, ServeOptions};

use crate::failure::{CommandError, Failure};
use crate::headquarters;
use crate::headquarters::database::DatabaseArgument;
use crate::headquarters::packages::{LinksArgument, PackagesArgument};
use crate::serving::{self, ServeArguments};
use crate::system;

/// The environment variable for the URL of --listen-url, which may hold a password.
const LISTEN_VARIABLE: &str = "TILLSYNC_LISTEN_URL";

/// Arguments of `hq serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync hq serve --data-dir /srv/tillsync --listen 127.0.0.1:8700\n  \
    tillsync hq serve --database postgres://hq@db.example/tillsync --data-dir /mnt/tillsync\n  \
    tillsync hq serve --data-dir /srv/tillsync --listen 0.0.0.0:443 --tls-certificate hq.pem \
    --tls-key hq.key\n\n\
    The first start writes a token for the operators' interface to operator.token there.\n\n\
    With --database, headquarters can run on any number of nodes at once over one database. \
    Packages are files of the data directory: every node must be given the same one, on storage \
    that all of them share, or the same object store with --packages. A node that is given another \
    refuses the downloads of packages that were made elsewhere. Each data directory has an \
    operator.token of its own; all of them are good at every node.")]
pub(crate) struct Arguments {
    /// The folder of the database (hq.db) and the packages; with --database, of the packages.
    #[arg(long, value_name = "DIR", env = "TILLSYNC_DATA_DIR")]
    data_dir: PathBuf,
    #[command(flatten)]
    database: DatabaseArgument,
    /// The PostgreSQL server itself, when --database goes through PgBouncer in transaction mode
    /// (pooler=transaction): there this node hears at once what others do. Without it, it looks
    /// every few seconds.
    #[arg(long, value_name = "URL", env = LISTEN_VARIABLE, hide_env_values = true)]
    listen_url: Option<DatabaseUrl>,
    #[command(flatten)]
    packages: PackagesArgument,
    /// How channels get packages out of a bucket. A channel that cannot reach the bucket gets them
    /// through headquarters all the same; packages in a folder always come that way.
    #[arg(long, value_enum, default_value_t, env = "TILLSYNC_PACKAGE_LINKS")]
    package_links: LinksArgument,
    /// What this node is called in the list of nodes; the name of the machine when absent.
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    #[command(flatten)]
    serving: ServeArguments,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    serving::start_logging();
    let folder = &arguments.data_dir;
    let database = arguments.database.url.as_ref();
    let hq = headquarters::open_to_serve(folder, database, &arguments.packages)?;
    let hq = Arc::new(hq);
    hq.initialize()?;
    look_back(&hq);
    write_operator_token(&hq, folder, database.is_some())?;
    let name = arguments.node.clone().unwrap_or_else(system::machine_name);
    hq.join(NodeName(name), env!("CARGO_PKG_VERSION"));
    if let Some(url) = &arguments.database.url {
        let listen = arguments.listen_url.as_ref();
        headquarters::database::connect_nodes(&hq, (url, listen))?;
    }
    let serving = &arguments.serving;
    let runtime = serving::runtime()?;
    let stop = runtime.block_on(async { serving.stop_requested() })?;
    let plain_http =
        if serving.allow_plain_http { PlainHttp::Allowed } else { PlainHttp::LoopbackOnly };
    let (listen, package_links) = (serving.listen, arguments.package_links.into());
    let (hq, entrance) = (Arc::clone(&hq), serving.entrance());
    let options = ServeOptions { hq, listen, plain_http, entrance, package_links };
    // The node itself ends outside the runtime: it brings one of its own.
    let server = tillsync_hq_web::serve(options, serving.announce(), stop);
    Ok(serving::run_to_end(runtime, server)?)
}

/// Before anything is promoted: packages can prove that the database was restored. A package store
/// that is away must not keep stores from being served; their polls prove as much.
fn look_back(hq: &Headquarters) {
    if let Err(error) = hq.look_back() {
        let why = "packages could not be looked at for a restore; stores prove one as well";
        // Who does not read it is told by `doctor`, once a store has proved it.
        drop(writeln!(io::stderr(), "{why}: {error}"));
    }
}

/// Leaves the first operator's token where only the owner of the folder can read it. Over a shared
/// database each data directory has a token of its own name, so that none replaces another's.
fn write_operator_token(hq: &Headquarters, folder: &Path, is_shared: bool) -> Result<(), Failure> {
    let path = folder.join("operator.token");
    if path.exists() {
        return Ok(());
    }
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = match is_shared {
        true => format!("operator of {} on {}", whole.display(), system::machine_name()),
        false => "operator".to_owned(),
    };
    loop {
        let token = hq.create_operator_token(&name)?;
        write_token(&token, &path).map_err(|source| CommandError::File {
            doing: "write",
            path: path.clone(),
            source,
        })?;
        // Nodes that start together in one folder replace one another's: the last to make one has
        // to be the last to write it.
        match hq.authenticate_operator(&token.hash()) {
            Err(AccessError::BadCredential) => {}
            known => return Ok(known.map(drop)?),
        }
    }
}

/// A crash between the steps must not leave an empty file in the token's place.
fn write_token(token: &Secret, path: &Path) -> io::Result<()> {
    let folder = path.parent().expect("it lies in the data directory");
    let mut draft = tempfile::Builder::new().prefix("operator.token.").tempfile_in(folder)?;
    writeln!(draft, "{}", token.reveal())?;
    draft.as_file().sync_all()?;
    draft.persist(path)?;
    Ok(())
}
