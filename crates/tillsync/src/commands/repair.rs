//! Repairing a sale or an order: `order repair` and `transaction repair`.

use std::str::FromStr;

use tillsync_domain::ids::TransactionNumber;
use tillsync_hq::repair_transactions::FieldChange;

use super::transaction::print_one;
use crate::failure::{CommandError, Failure};
use crate::headquarters::Place;
use crate::output::Format;

/// The fields of the content; a test holds them against what documents are written as.
const FIELDS: &str = "\
Fields, where N counts lines or payments from 0:
  /trade/customer                account or GUID
  /trade/shift                   shift number
  /trade/receipt                 receipt number
  /trade/currency                currency code
  /trade/total                   amount
  /trade/lines/N/number          number of the line on the receipt, without quotes
  /trade/lines/N/item            item number
  /trade/lines/N/name            text
  /trade/lines/N/quantity        decimal; negative for a return
  /trade/lines/N/price           amount
  /trade/lines/N/discount        amount taken off the whole line
  /trade/lines/N/net             amount: quantity times price, less the discount
  /trade/lines/N/tax_rate        percent
  /trade/lines/N/tax             amount
  /trade/lines/N/is_voided       true or false, without quotes
  /trade/lines/N/returns         {\"transaction\": \"...\", \"line\": 1}
  /trade/payments/N/tender       cash, card, customer_account or gift_card
  /trade/payments/N/amount       amount; negative for what was paid back
  /ship_to                       GUID of the address of an order; picked up without it
  /is_voided                     true or false, without quotes; of a sale
A new line or payment is set as a whole at /trade/lines/- or /trade/payments/-.";

/// Arguments of `order repair` and `transaction repair`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Which one, by its number.
    number: TransactionNumber,
    #[command(flatten)]
    changes: Changes,
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    format: Format,
}

/// What to change in the content of a transaction.
#[derive(Debug, Clone, clap::Args)]
struct Changes {
    /// Set a field of the content, as a JSON pointer and a JSON value; texts and amounts stand in
    /// double quotes.
    #[arg(long = "set", value_name = "/POINTER=JSON")]
    set: Vec<Setting>,
    /// Remove a field of the content.
    #[arg(long = "remove", value_name = "/POINTER")]
    remove: Vec<String>,
}

/// Who does it.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Operator {
    /// Who does it, for the record.
    #[arg(
        long = "operator",
        value_name = "NAME",
        env = "USER",
        hide_env_values = true,
        default_value = "operator"
    )]
    pub(super) name: String,
}

/// One field with its new value.
#[derive(Debug, Clone)]
struct Setting(FieldChange);

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (pointer, value) =
            text.split_once('=').ok_or("write /POINTER=JSON, such as /trade/total=\"12.30\"")?;
        let value = serde_json::from_str(value).map_err(|error| {
            format!("{value} is no JSON ({error}); put double quotes around a text")
        })?;
        Ok(Setting(FieldChange { pointer: pointer.to_owned(), value: Some(value) }))
    }
}

impl Changes {
    /// The changes in the order in which they are made: removals last.
    ///
    /// # Errors
    /// Invalid: there are none.
    fn list(&self) -> Result<Vec<FieldChange>, CommandError> {
        let removal = |pointer: &String| FieldChange { pointer: pointer.clone(), value: None };
        let settings = self.set.iter().map(|Setting(change)| change.clone());
        let changes: Vec<_> = settings.chain(self.remove.iter().map(removal)).collect();
        if changes.is_empty() {
            let message = "say what to change: --set /POINTER=JSON or --remove /POINTER";
            return Err(CommandError::Usage(message.to_owned()));
        }
        Ok(changes)
    }
}

/// What stands below the options of the command with this name; `removed` is a field to remove.
pub(super) fn help(command: &str, removed: &str) -> String {
    let start = format!("  tillsync {command} repair S1-000001-260301100000");
    format!(
        "Examples:\n\
         {start} --set '/trade/customer=\"C-00000001\"' --operator ann --data-dir /srv/tillsync\n\
         {start} --remove {removed} --data-dir /srv/tillsync\n\n\
         {FIELDS}\n\n\
         What was sent is kept word for word; each change is kept beside it with who made it and \
         when."
    )
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let changes = arguments.changes.list()?;
    let hq = arguments.place.open_to_change()?;
    hq.repair_transaction(&arguments.number, &arguments.operator.name, &changes)?;
    print_one(arguments.format, &hq, &arguments.number)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;
    use tillsync_domain::document::Body;
    use tillsync_domain::trade::{
        CustomerOrder, Delivery, Line, Payment, ReturnOf, Sale, Tender, Trade,
    };
    use tillsync_exchange::rows::document::body_content;

    use super::*;

    #[test]
    fn a_setting_is_a_pointer_and_json() {
        let Setting(change) = "/trade/customer=\"C-1=2\"".parse().unwrap();
        assert_eq!(change.pointer, "/trade/customer");
        assert_eq!(change.value, Some("C-1=2".into()));
        assert!("/trade/customer=C-1".parse::<Setting>().unwrap_err().contains("double quotes"));
        assert!("/trade/customer".parse::<Setting>().is_err());
    }

    /// A trade that leaves nothing out.
    fn trade() -> Trade {
        Trade {
            customer: Some("C-1".parse().unwrap()),
            shift: "S1-S1".parse().unwrap(),
            receipt: "S1-000001".parse().unwrap(),
            currency: "EUR".parse().unwrap(),
            lines: vec![Line {
                number: 1,
                item: "coffee".parse().unwrap(),
                name: Some("Coffee".to_owned()),
                quantity: 1.into(),
                price: 10.into(),
                discount: 1.into(),
                net: 9.into(),
                tax_rate: 25.into(),
                tax: 2.into(),
                is_voided: true,
                returns: Some(ReturnOf { transaction: "web-7".parse().unwrap(), line: 1 }),
            }],
            payments: vec![Payment { tender: Tender::Cash, amount: 11.into() }],
            total: 11.into(),
        }
    }

    /// The pointers of what can be set, with N for each place in a list.
    fn pointers(value: &Value, path: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) if !path.ends_with("/returns") => {
                fields.iter().for_each(|(name, v)| pointers(v, &format!("{path}/{name}"), found));
            }
            Value::Array(places) => {
                places.iter().for_each(|v| pointers(v, &format!("{path}/N"), found));
            }
            _ => {
                found.insert(path.to_owned());
            }
        }
    }

    #[test]
    fn the_help_names_every_field_and_no_other() {
        let delivery = Delivery::Ship("00000000-0000-0000-0000-000000000001".parse().unwrap());
        let mut written = BTreeSet::new();
        for body in [
            Body::Sale(Box::new(Sale { trade: trade(), is_voided: true })),
            Body::Order(Box::new(CustomerOrder { trade: trade(), delivery })),
        ] {
            let content = serde_json::from_str(body_content(&body).get()).unwrap();
            pointers(&content, "", &mut written);
        }
        let words = FIELDS.lines().filter_map(|line| line.strip_prefix("  "));
        let named: BTreeSet<_> =
            words.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
        assert_eq!(named, written);
    }
}
