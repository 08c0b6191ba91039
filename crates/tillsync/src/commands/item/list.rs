//! `tillsync item list`.

use tillsync_domain::ids::ItemNumber;
use tillsync_domain::item::{Item, ItemPrice};
use tillsync_hq_web::api::items::Item as ItemTwin;

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::output::{self, Format};

/// Arguments of `item list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    tillsync item list --data-dir /srv/tillsync\n  \
    tillsync item list --text coffee --data-dir /srv/tillsync")]
pub(crate) struct Arguments {
    /// Only those whose number or name contains this.
    #[arg(long, default_value = "")]
    text: String,
    /// Only those behind this number: the next page.
    #[arg(long, value_name = "NUMBER")]
    after: Option<ItemNumber>,
    /// How many to show.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { text, after, limit, place, format } = arguments;
    let items = place.open_to_look()?.find_items(text, after.as_ref(), *limit)?;
    let value = items.iter().cloned().map(ItemTwin::from).collect::<Vec<_>>();
    format.print(&output::json(&value), || {
        if items.is_empty() {
            return "no item matches".to_owned();
        }
        let header = ["Item", "Name", "Tax %", "Prices without tax", "Sold"];
        output::table(header, items.iter().map(cells))
    });
    Ok(())
}

fn cells(item: &Item) -> [String; 5] {
    let price = |ItemPrice { currency, price }: &ItemPrice| format!("{price} {currency}");
    [
        item.number.to_string(),
        item.name.clone(),
        item.tax_rate.normalize().to_string(),
        item.prices.iter().map(price).collect::<Vec<_>>().join(", "),
        if item.is_active { "yes" } else { "no" }.to_owned(),
    ]
}
