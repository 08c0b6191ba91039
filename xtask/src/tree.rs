//! The files of the repository as one value, so that every check is a function of it.
//!
//! This module must never judge a file; checks do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Folders that hold no source of ours, wherever they stand.
const FOLDERS_SKIPPED: [&str; 3] = ["target", ".git", "node_modules"];

/// Extensions whose text the checks read; of other files only the name is known.
const TEXTS: [&str; 6] = ["rs", "toml", "md", "sql", "txt", "sh"];

/// Every file and folder below a root, by path with `/` relative to it.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    texts: BTreeMap<String, String>,
    names: BTreeSet<String>,
}

impl Tree {
    /// Reads the tree from the disk.
    pub(crate) fn load(root: &Path) -> Result<Tree> {
        let mut tree = Tree::default();
        tree.load_folder(root, "")?;
        Ok(tree)
    }

    /// The text of a file, if it is there and is one of the kinds that checks read.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// Every file with this extension and its text, by path.
    pub(crate) fn files(&self, extension: &str) -> impl Iterator<Item = (&str, &str)> {
        let ending = format!(".{extension}");
        self.texts
            .iter()
            .filter(move |(path, _)| path.ends_with(&ending))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Whether a file or folder of this name exists; a final `/` is ignored.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        path.is_empty() || self.names.contains(path)
    }

    fn load_folder(&mut self, folder: &Path, prefix: &str) -> Result<()> {
        let entries = fs::read_dir(folder)
            .with_context(|| format!("list the folder {}", folder.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("list {}", folder.display()))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let kind = entry.file_type().with_context(|| format!("look at {path}"))?;
            if kind.is_dir() && !FOLDERS_SKIPPED.contains(&name.as_str()) {
                self.load_folder(&entry.path(), &format!("{path}/"))?;
                self.names.insert(path);
            } else if kind.is_file() {
                self.load_file(&entry.path(), path)?;
            }
        }
        Ok(())
    }

    fn load_file(&mut self, file: &Path, path: String) -> Result<()> {
        let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
        if TEXTS.contains(&extension) {
            let text = fs::read_to_string(file).with_context(|| format!("read {path}"))?;
            self.texts.insert(path.clone(), text);
        }
        self.names.insert(path);
        Ok(())
    }
}

#[cfg(test)]
impl Tree {
    /// A tree of these files, with the folders above them.
    pub(crate) fn of(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, text) in files {
            tree.texts.insert((*path).to_owned(), (*text).to_owned());
            tree.names.insert((*path).to_owned());
            let mut folder = *path;
            while let Some((above, _)) = folder.rsplit_once('/') {
                tree.names.insert(above.to_owned());
                folder = above;
            }
        }
        tree
    }
}
