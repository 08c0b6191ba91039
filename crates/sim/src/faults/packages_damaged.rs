//! An object of the package store is damaged or lost on its disk. Somebody notices after a while,
//! gives the sessions up that wait for it, and sends everything to their group once.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tillsync_domain::ids::DatabaseId;
use tillsync_exchange::package::{Manifest, Verifier};
use tillsync_exchange::session::DownloadStatus;
use tillsync_hq::Headquarters;
use tillsync_hq::distribution::SessionCommand;
use tillsync_hq::jobs::JobOptions;
use tillsync_hq::storage::{PackageRecord, SessionFilter, Trigger};

use super::{Fault, later};
use crate::chain::Chain;
use crate::dice::Dice;
use crate::observe::Observation;

/// How often somebody looks for sessions that can never end, when all faults have ended.
const ROUND: Duration = Duration::from_secs(1_200);

pub(super) struct PackageDamaged;

impl Fault for PackageDamaged {
    fn kind(&self) -> &'static str {
        "package damaged"
    }

    fn share(&self) -> u32 {
        5
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let Some(object) = any_object(chain, dice) else { return false };
        let mut bytes = fs::read(&object).expect("an object");
        let Some(byte) = bytes.len().checked_sub(1).map(|last| dice.between(0, last as u64)) else {
            return false;
        };
        bytes[usize::try_from(byte).expect("a place in it")] ^= 0x55;
        fs::write(&object, bytes).expect("room for as much as was there");
        chain.tell(format!("{} is damaged on disk", name_of(&object)));
        notice(chain, dice);
        true
    }
}

pub(super) struct PackageLost;

impl Fault for PackageLost {
    fn kind(&self) -> &'static str {
        "package lost"
    }

    fn share(&self) -> u32 {
        5
    }

    fn strike(&self, chain: &Arc<Chain>, dice: &mut Dice) -> bool {
        let Some(object) = any_object(chain, dice) else { return false };
        fs::remove_file(&object).expect("an object");
        chain.saw(Observation::PackageLost { object: name_of(&object) });
        notice(chain, dice);
        true
    }

    fn heal(&self, chain: &Arc<Chain>) {
        go_on_repairing(chain);
    }
}

fn notice(chain: &Arc<Chain>, dice: &mut Dice) {
    later(chain, Duration::from_secs(dice.between(300, 5_400)), repair);
}

fn go_on_repairing(chain: &Arc<Chain>) {
    let repairing = Arc::clone(chain);
    chain.turns.begin_after(ROUND, move || {
        if !repairing.is_over() {
            repair(&repairing);
            go_on_repairing(&repairing);
        }
    });
}

/// Gives up every session whose package can be read no more. What it was to bring goes to the
/// whole group before, so that nothing is missing behind it.
fn repair(chain: &Arc<Chain>) {
    let packages = chain.hq.packages();
    if !packages.is_dir() {
        return;
    }
    let Some(node) = chain.any_node() else { return };
    node.work(|hq| {
        for package in unreadable(hq, &packages) {
            let options =
                JobOptions { full_sync_of: Some(package.group.clone()), ..JobOptions::default() };
            if hq.run_job(package.job, Trigger::Manual, options).is_err() {
                return;
            }
            chain.tell(format!("everything goes to {} instead of {}", package.group, package.id));
            chain.count("repair", "full sync instead of an unreadable package");
            for session in hq.list_sessions(&every_session()).unwrap_or_default() {
                if session.package == package.id {
                    // One that has ended stays as it is.
                    let _ = hq.command_session(&session.id, SessionCommand::Cancel);
                }
            }
        }
    });
}

/// The packages that databases wait for in vain. A revoked one waits for nothing.
fn unreadable(hq: &Headquarters, packages: &Path) -> Vec<PackageRecord> {
    let databases = hq.list_databases().unwrap_or_default().into_iter();
    let waiting: BTreeSet<DatabaseId> =
        databases.filter(|it| it.revoked_at.is_none()).map(|it| it.database.id).collect();
    let mut found: Vec<PackageRecord> = Vec::new();
    for session in hq.list_sessions(&every_session()).unwrap_or_default() {
        let has_ended =
            matches!(session.progress.status, DownloadStatus::Applied | DownloadStatus::Canceled);
        if has_ended || !waiting.contains(&session.database) {
            continue;
        }
        let Ok((_, Some(package))) = hq.show_session(&session.id) else { continue };
        let is_known = found.iter().any(|known| known.id == package.id);
        if !is_known && is_unreadable(&package, packages) {
            found.push(package);
        }
    }
    found
}

fn is_unreadable(package: &PackageRecord, packages: &Path) -> bool {
    let (Some(manifest), Some(location)) = (&package.manifest, &package.location) else {
        return false;
    };
    !fs::read(packages.join(location)).is_ok_and(|bytes| is_whole(&bytes, manifest))
}

fn is_whole(bytes: &[u8], manifest: &Manifest) -> bool {
    Verifier::check(bytes, manifest).is_ok()
}

fn every_session() -> SessionFilter {
    SessionFilter { limit: 1_000, ..SessionFilter::default() }
}

fn any_object(chain: &Chain, dice: &mut Dice) -> Option<PathBuf> {
    let mut objects = Vec::new();
    collect_files(&chain.hq.packages(), &mut objects);
    objects.sort();
    dice.pick(&objects).cloned()
}

fn collect_files(folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            collect_files(&path, into);
        } else {
            into.push(path);
        }
    }
}

fn name_of(object: &Path) -> String {
    object.file_name().expect("a file").to_string_lossy().into_owned()
}
