//! Running one tillsync command to its end.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::database::{DATABASE_VARIABLE, DatabaseUrl};
use crate::error::FleetError;
use crate::packages::{PACKAGES_VARIABLE, PackageService};

/// A tillsync executable.
#[derive(Debug, Clone)]
pub struct Program {
    executable: PathBuf,
    database: Option<DatabaseUrl>,
    packages: Option<PackageService>,
}

impl Program {
    /// The program in a file.
    pub fn at(executable: &Path) -> Self {
        Program { executable: executable.to_owned(), database: None, packages: None }
    }

    /// The same program for a headquarters whose database is there; without one it is a file in the
    /// data directory.
    #[must_use]
    pub fn on_database(self, database: Option<DatabaseUrl>) -> Self {
        Program { database, ..self }
    }

    /// The same program for a headquarters whose packages are there; without a place they are files
    /// in the data directory.
    #[must_use]
    pub fn on_packages(self, packages: Option<PackageService>) -> Self {
        Program { packages, ..self }
    }

    /// A command of the program that has not started yet.
    pub(crate) fn command(&self, arguments: &[OsString]) -> Command {
        let mut command = Command::new(&self.executable);
        command.args(arguments);
        match &self.database {
            Some(url) => command.env(DATABASE_VARIABLE, url.reveal()),
            // What is meant for others must not reach a fleet of its own.
            None => command.env_remove(DATABASE_VARIABLE),
        };
        match &self.packages {
            Some(service) => {
                let variables = service.variables.iter().map(|(name, value)| (name, value));
                command.env(PACKAGES_VARIABLE, &service.url).envs(variables)
            }
            None => command.env_remove(PACKAGES_VARIABLE),
        };
        command
    }

    /// Runs a command and returns what it printed, without the line end.
    ///
    /// # Errors
    /// Broken: it did not start, or ended with a failure.
    pub fn run(&self, arguments: &[OsString]) -> Result<String, FleetError> {
        let output = self.output(arguments)?;
        let name = command_name(arguments);
        if !output.status.success() {
            return Err(FleetError::Command {
                command: name,
                status: output.status.to_string(),
                stderr: String::from_utf8_lossy(&output.stderr).trim_end().to_owned(),
            });
        }
        let text = String::from_utf8(output.stdout)
            .map_err(|_| FleetError::Output { command: name, expected: "text" })?;
        Ok(text.trim_end().to_owned())
    }

    /// Runs a command that prints one JSON value.
    ///
    /// # Errors
    /// Broken: it did not start, ended with a failure, or printed something else.
    pub fn run_json(&self, arguments: &[OsString]) -> Result<Value, FleetError> {
        let text = self.run(arguments)?;
        serde_json::from_str(&text).map_err(|_| FleetError::Output {
            command: command_name(arguments),
            expected: "one JSON value",
        })
    }

    /// Runs a command that prints its judgement as one JSON value, good or bad.
    ///
    /// # Errors
    /// Broken: it did not start, or printed something else.
    pub fn run_judge(&self, arguments: &[OsString]) -> Result<Value, FleetError> {
        let output = self.output(arguments)?;
        serde_json::from_slice(&output.stdout).map_err(|_| FleetError::Command {
            command: command_name(arguments),
            status: output.status.to_string(),
            stderr: String::from_utf8_lossy(&output.stderr).trim_end().to_owned(),
        })
    }

    fn output(&self, arguments: &[OsString]) -> Result<Output, FleetError> {
        self.command(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(|source| FleetError::Start { what: command_name(arguments), source })
    }
}

/// The words of a command before its first option: the rest may be secret.
pub(crate) fn command_name(arguments: &[OsString]) -> String {
    let words = arguments.iter().map(|word| word.to_string_lossy());
    words.take_while(|word| !word.starts_with('-')).collect::<Vec<_>>().join(" ")
}
