//! `tillsync hq serve`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tillsync_hq::Headquarters;
use tillsync_hq_web::{PlainHttp, ServeOptions};

use crate::failure::{CommandError, Failure};
use crate::headquarters;
use crate::serving::{self, ServeArguments};

/// Arguments of `hq serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tillsync hq serve --data-dir /srv/tillsync --listen 127.0.0.1:8700\n\n\
    The first start writes a token for the operators' interface to operator.token there.")]
pub(crate) struct Arguments {
    /// The folder of the database (hq.db) and the packages.
    #[arg(
        long,
        value_name = "DIR",
        env = "TILLSYNC_DATA_DIR",
        required_unless_present = "database"
    )]
    data_dir: Option<PathBuf>,
    /// A PostgreSQL database instead of a folder.
    #[arg(long, value_name = "URL", hide = true)]
    database: Option<String>,
    #[command(flatten)]
    serving: ServeArguments,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (None, Some(folder)) = (&arguments.database, &arguments.data_dir) else {
        return Err(CommandError::NotAvailable("headquarters on PostgreSQL").into());
    };
    serving::start_logging();
    let hq = Arc::new(headquarters::open(folder)?);
    hq.initialize()?;
    write_operator_token(&hq, folder)?;
    let serving = &arguments.serving;
    let runtime = serving::runtime()?;
    let stop = runtime.block_on(async { serving.stop_requested() })?;
    let plain_http =
        if serving.allow_plain_http { PlainHttp::Allowed } else { PlainHttp::LoopbackOnly };
    let options = ServeOptions { hq: Arc::clone(&hq), listen: serving.listen, plain_http };
    // The node itself ends outside the runtime: it brings one of its own.
    let server = tillsync_hq_web::serve(options, serving::announce, stop);
    Ok(serving::run_to_end(runtime, server)?)
}

/// Leaves the first operator's token where only the owner of the folder can read it.
fn write_operator_token(hq: &Headquarters, folder: &Path) -> Result<(), Failure> {
    let path = folder.join("operator.token");
    if path.exists() {
        return Ok(());
    }
    let token = hq.create_operator_token("operator")?;
    let write = || -> io::Result<()> {
        // A crash between the two steps must not leave an empty file in the token's place.
        let draft = path.with_extension("token.new");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        writeln!(file, "{}", token.reveal())?;
        file.sync_all()?;
        std::fs::rename(&draft, &path)
    };
    write()
        .map_err(|source| CommandError::File { doing: "write", path: path.clone(), source }.into())
}
