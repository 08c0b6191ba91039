//! Every input that is kept, through the same functions as in the engine: seeds that were written
//! by hand, and what the engine found worth keeping.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use tillsync_fuzz::{PLANTED, TARGETS};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn inputs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort_unstable();
    paths
}

#[test]
fn every_input_that_is_kept_keeps_the_promises() {
    let mut broken = Vec::new();
    let mut count = 0;
    for target in TARGETS {
        for set in ["seeds", "corpus"] {
            for path in inputs(&folder(set).join(target.name)) {
                let input = fs::read(&path).expect("a readable input");
                count += 1;
                if catch_unwind(|| (target.run)(&input)).is_err() {
                    broken.push(path);
                }
            }
        }
    }
    println!("{count} inputs of {} targets", TARGETS.len());
    assert!(broken.is_empty(), "these inputs break a promise: {broken:#?}");
}

#[test]
fn every_target_has_seeds_and_a_corpus_and_no_folder_is_left_over() {
    let names: BTreeSet<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names.len(), TARGETS.len(), "a name stands for one target");
    for set in ["seeds", "corpus"] {
        let folders = inputs(&folder(set)).into_iter();
        let folders: BTreeSet<_> = folders
            .map(|path| path.file_name().expect("a folder has a name").to_string_lossy().into())
            .collect();
        assert_eq!(folders, names, "in fuzz/{set}");
        for target in TARGETS {
            let inputs = inputs(&folder(set).join(target.name));
            assert!(!inputs.is_empty(), "{} has nothing in fuzz/{set}", target.name);
            for path in inputs {
                let bytes = fs::metadata(&path).expect("a readable input").len();
                assert!(bytes <= target.bytes_max as u64, "{path:?} is too long to be tried");
            }
        }
    }
}

#[test]
fn the_planted_error_is_found_by_its_word_only() {
    assert!(catch_unwind(|| (PLANTED.run)(b"till")).is_ok());
    assert!(catch_unwind(|| (PLANTED.run)(b"tills")).is_err());
}
