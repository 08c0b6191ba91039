//! Ctrl-C during a demo: everything is stopped in order and temporary files are removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::CommandError;

/// Whether somebody pressed Ctrl-C.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Watches for Ctrl-C from now on. The second one ends the program at once.
    pub(super) fn watch() -> Result<Interrupt, CommandError> {
        let interrupt = Interrupt::default();
        let flag = Arc::clone(&interrupt.0);
        let failed = |source| CommandError::Process { doing: "listen to signals", source };
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let watching = std::thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
            runtime.block_on(async {
                while tokio::signal::ctrl_c().await.is_ok() {
                    if flag.swap(true, Ordering::SeqCst) {
                        std::process::exit(130);
                    }
                }
            });
        });
        watching.map_err(failed)?;
        Ok(interrupt)
    }

    /// Whether it happened.
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Ends the work at a good place.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        if self.is_set() { Err(CommandError::Interrupted) } else { Ok(()) }
    }
}
