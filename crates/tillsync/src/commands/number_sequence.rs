//! `tillsync number-sequence`.

use serde_json::{Value, json};
use tillsync_domain::number_sequence::{
    NumberFormat, NumberSequence, SequenceChange, SequenceMode,
};
use tillsync_hq::storage::SequenceName;

use crate::failure::{CommandError, Failure};
use crate::headquarters::Place;
use crate::output::{self, Format};

/// What to do with number sequences.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show the sequences: how numbers are spelled, what comes next, how many are left.
    Show(ShowArguments),
    /// Change a sequence: its spelling, its end, a later start, or whether gaps are allowed.
    Set(SetArguments),
}

/// Arguments of `number-sequence show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  tillsync number-sequence show --data-dir /srv/tillsync")]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// Arguments of `number-sequence set`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync number-sequence set customer-account --format K-######### --data-dir /srv/tillsync\n  \
    tillsync number-sequence set customer-account --blocks 1000 --data-dir /srv/tillsync")]
pub(crate) struct SetArguments {
    /// Which one, as `number-sequence show` names it.
    #[arg(value_parser = sequence_name)]
    name: SequenceName,
    /// How numbers are spelled: # is a digit.
    #[arg(long = "format")]
    spelling: Option<NumberFormat>,
    /// The last number that may be given.
    #[arg(long)]
    largest: Option<u64>,
    /// The next number to give; it can only move forward.
    #[arg(long)]
    next: Option<u64>,
    /// No gaps: each number is taken inside the transaction that uses it.
    #[arg(long, conflicts_with = "blocks")]
    continuous: bool,
    /// Take numbers ahead in blocks of this size: quicker, and a crash may leave a gap.
    #[arg(long, value_name = "SIZE")]
    blocks: Option<u32>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Show(arguments) => show(arguments),
        Command::Set(arguments) => set(arguments),
    }
}

fn show(arguments: &ShowArguments) -> Result<(), Failure> {
    let hq = arguments.place.open_to_look()?;
    let sequences = SequenceName::ALL
        .into_iter()
        .map(|name| Ok((name, hq.show_sequence(name)?)))
        .collect::<Result<Vec<_>, Failure>>()?;
    print(arguments.format, &sequences);
    Ok(())
}

fn set(arguments: &SetArguments) -> Result<(), Failure> {
    let mode = match (arguments.continuous, arguments.blocks) {
        (true, _) => Some(SequenceMode::Continuous),
        (false, Some(size)) => Some(SequenceMode::Blocks { size }),
        (false, None) => None,
    };
    let change = SequenceChange {
        format: arguments.spelling.clone(),
        mode,
        next: arguments.next,
        largest: arguments.largest,
    };
    if change == SequenceChange::default() {
        let message = "say what to change: --format, --largest, --next, --continuous or --blocks";
        return Err(CommandError::Usage(message.to_owned()).into());
    }
    let hq = arguments.place.open_to_change()?;
    let changed = hq.change_sequence(arguments.name, &change)?;
    print(arguments.format, &[(arguments.name, changed)]);
    Ok(())
}

fn print(format: Format, sequences: &[(SequenceName, NumberSequence)]) {
    let value = sequences.iter().map(|(name, sequence)| json(*name, sequence)).collect();
    format.print(&Value::Array(value), || {
        let header = ["Sequence", "Format", "Next", "Largest", "Left", "Gaps"];
        let cells = |(name, sequence): &(SequenceName, NumberSequence)| {
            [
                name.as_str().to_owned(),
                sequence.format.to_string(),
                sequence.next.to_string(),
                sequence.largest.to_string(),
                sequence.remaining().to_string(),
                match sequence.mode {
                    SequenceMode::Continuous => "none".to_owned(),
                    SequenceMode::Blocks { size } => format!("allowed, blocks of {size}"),
                },
            ]
        };
        output::table(header, sequences.iter().map(cells))
    });
}

fn json(name: SequenceName, sequence: &NumberSequence) -> Value {
    json!({
        "name": name.as_str(),
        "format": sequence.format.as_str(),
        "next": sequence.next,
        "largest": sequence.largest,
        "remaining": sequence.remaining(),
        "continuous": sequence.mode == SequenceMode::Continuous,
        "block_size": match sequence.mode {
            SequenceMode::Continuous => None,
            SequenceMode::Blocks { size } => Some(size),
        },
    })
}

fn sequence_name(text: &str) -> Result<SequenceName, String> {
    let names = SequenceName::ALL.map(SequenceName::as_str);
    SequenceName::ALL
        .into_iter()
        .find(|name| name.as_str() == text)
        .ok_or_else(|| format!("the sequences are {}", names.join(", ")))
}
