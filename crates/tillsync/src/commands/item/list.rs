//! `tillsync item list`.

use tillsync_domain::ids::ItemNumber;
use tillsync_domain::item::{Item, ItemPrice};
use tillsync_hq_web::api::items::Item as ItemTwin;

use crate::failure::Failure;
use crate::headquarters::Place;
use crate::listing::{List, Page};

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
    #[command(flatten)]
    page: Page,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { text, after, page, place } = arguments;
    let items = place.open_to_look()?.find_items(text, after.as_ref(), page.wanted())?;
    let list = List {
        empty: "no item matches",
        header: ["Item", "Name", "Tax %", "Prices without tax", "Sold"],
        rows: |one| vec![cells(one)],
        next: |one| format!("--after {}", one.number),
    };
    page.print(items, ItemTwin::from, &list);
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
