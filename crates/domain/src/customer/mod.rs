//! A customer as the edge creates it and headquarters accepts it.
//!
//! Input arrives as drafts of plain text; [`CustomerDraft::check`] and [`AddressDraft::check`] turn
//! them into values that keep every rule, or name each field that breaks one. The edge and
//! headquarters call the same functions, so nothing accepted at a till is too wide later (F113).

mod address;
mod field;

pub use address::{AddressDraft, AddressPurpose, NewAddress};
pub use field::{Field, Rule, Text, Violation, Violations};

use field::Checker;

/// The most addresses one create request may carry.
pub const ADDRESSES_MAX: usize = 50;

/// Person or organization; decides which names apply and the purpose an address defaults to (F30).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CustomerType {
    /// A natural person: first, middle and last name.
    Person,
    /// A company, club or authority: one name.
    Organization,
}

/// The name of a party: at least one part is present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartyName {
    /// A person's name parts; at least one is given.
    Person {
        /// Given name.
        first: Option<Text>,
        /// Middle name.
        middle: Option<Text>,
        /// Family name.
        last: Option<Text>,
    },
    /// An organization's name.
    Organization(Text),
}

impl PartyName {
    /// The type of customer that carries such a name.
    pub fn customer_type(&self) -> CustomerType {
        match self {
            PartyName::Person { .. } => CustomerType::Person,
            PartyName::Organization(_) => CustomerType::Organization,
        }
    }

    /// The whole name in one line.
    pub fn full(&self) -> String {
        match self {
            PartyName::Person { first, middle, last } => {
                let parts: Vec<&str> =
                    [first, middle, last].into_iter().flatten().map(Text::as_str).collect();
                parts.join(" ")
            }
            PartyName::Organization(name) => name.as_str().to_owned(),
        }
    }
}

/// A customer that keeps every rule, ready to be recorded in an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCustomer {
    /// Who the customer is.
    pub name: PartyName,
    /// Customer group; the posting rules of headquarters hang on it.
    pub group: Option<Text>,
    /// ISO 4217 currency, three capital letters.
    pub currency: Option<Text>,
    /// Language tag such as `en-au`.
    pub language: Option<Text>,
    /// Primary e-mail.
    pub email: Option<Text>,
    /// Where receipts are mailed.
    pub receipt_email: Option<Text>,
    /// Primary phone.
    pub phone: Option<Text>,
    /// Mobile phone.
    pub cellphone: Option<Text>,
    /// National or company identification number.
    pub identification_number: Option<Text>,
    /// Tax exempt number.
    pub vat_number: Option<Text>,
}

/// A customer as somebody typed it: any text, nothing checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomerDraft {
    /// 1 person (also when absent), 2 organization; anything else is refused.
    pub customer_type: Option<u32>,
    /// Organization name; for a person the whole name, used when no part is given. Beside the
    /// parts it may say nothing that they do not.
    pub name: Option<String>,
    /// Given name.
    pub first_name: Option<String>,
    /// Middle name.
    pub middle_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// See [`NewCustomer::group`].
    pub group: Option<String>,
    /// See [`NewCustomer::currency`].
    pub currency: Option<String>,
    /// See [`NewCustomer::language`].
    pub language: Option<String>,
    /// See [`NewCustomer::email`].
    pub email: Option<String>,
    /// See [`NewCustomer::receipt_email`].
    pub receipt_email: Option<String>,
    /// See [`NewCustomer::phone`].
    pub phone: Option<String>,
    /// See [`NewCustomer::cellphone`].
    pub cellphone: Option<String>,
    /// See [`NewCustomer::identification_number`].
    pub identification_number: Option<String>,
    /// See [`NewCustomer::vat_number`].
    pub vat_number: Option<String>,
}

impl CustomerDraft {
    /// Checks every field and returns the customer, or all violations at once.
    ///
    /// Blank texts count as absent. Nothing is trimmed, cut or corrected.
    ///
    /// # Errors
    /// Invalid: each violation names its field, the rule and the limit (F113).
    pub fn check(self) -> Result<NewCustomer, Violations> {
        let mut checker = Checker::default();
        let name = self.check_name(&mut checker);
        let customer = NewCustomer {
            group: checker.text(Field::CustomerGroup, self.group),
            currency: checker.currency(Field::CurrencyCode, self.currency),
            language: checker.text(Field::Language, self.language),
            email: checker.email(Field::Email, self.email),
            receipt_email: checker.email(Field::ReceiptEmail, self.receipt_email),
            phone: checker.phone(Field::Phone, self.phone),
            cellphone: checker.phone(Field::Cellphone, self.cellphone),
            identification_number: checker
                .text(Field::IdentificationNumber, self.identification_number),
            vat_number: checker.text(Field::VatNumber, self.vat_number),
            name,
        };
        checker.finish(customer)
    }

    fn check_name(&self, checker: &mut Checker) -> PartyName {
        let whole = checker.text(Field::Name, self.name.clone());
        let first = checker.text(Field::FirstName, self.first_name.clone());
        let middle = checker.text(Field::MiddleName, self.middle_name.clone());
        let last = checker.text(Field::LastName, self.last_name.clone());
        match self.customer_type {
            None | Some(1) => {
                if first.is_some() || middle.is_some() || last.is_some() {
                    let name = PartyName::Person { first, middle, last };
                    checker.no_more_than(whole, &name);
                    return name;
                }
                checker.person_from_whole(whole)
            }
            Some(2) => {
                for (field, part) in [
                    (Field::FirstName, &first),
                    (Field::MiddleName, &middle),
                    (Field::LastName, &last),
                ] {
                    if part.is_some() {
                        checker.violated(field, Rule::NotForOrganizations);
                    }
                }
                PartyName::Organization(checker.required(Field::Name, whole))
            }
            Some(_) => {
                let expected = "1 (person) or 2 (organization)";
                checker.violated(Field::CustomerTypeValue, Rule::Malformed { expected });
                PartyName::Person { first, middle, last }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn draft() -> CustomerDraft {
        CustomerDraft { last_name: Some("Waller".into()), ..CustomerDraft::default() }
    }

    fn refused(draft: CustomerDraft, expected: Expect) {
        let violations = draft.check().expect_err("the draft breaks a rule");
        expected.assert_eq(&violations.to_string().replace("; ", "\n"));
    }

    #[test]
    fn a_last_name_alone_is_enough() {
        let customer = draft().check().expect("valid");
        assert_eq!(customer.name.full(), "Waller");
        assert_eq!(customer.name.customer_type(), CustomerType::Person);
        assert_eq!(customer.email, None);
    }

    #[test]
    fn a_blank_name_is_no_name() {
        let nameless = CustomerDraft { first_name: Some("  ".into()), ..CustomerDraft::default() };
        refused(nameless, expect!["Name: required, but none was given"]);
    }

    #[test]
    fn every_violation_is_named_at_once() {
        let bad = CustomerDraft {
            first_name: Some("x".repeat(26)),
            email: Some("nobody".into()),
            currency: Some("eur".into()),
            phone: Some("call me\u{7}".into()),
            ..draft()
        };
        refused(
            bad,
            expect![[r#"
                FirstName: 26 characters, but at most 25 fit
                CurrencyCode: must be three capital letters (ISO 4217)
                Email: must be an e-mail address such as name@example.com
                Phone: holds a control character"#]],
        );
    }

    #[test]
    fn widths_count_characters_not_bytes() {
        let wide = |n| CustomerDraft { last_name: Some("å".repeat(n)), ..draft() };
        assert!(wide(25).check().is_ok());
        assert!(wide(26).check().is_err());
    }

    #[test]
    fn an_organization_has_one_name() {
        let company = CustomerDraft {
            customer_type: Some(2),
            name: Some("Kiosk Oy".into()),
            ..CustomerDraft::default()
        };
        assert_eq!(company.clone().check().expect("valid").name.full(), "Kiosk Oy");
        refused(
            CustomerDraft { first_name: Some("Eva".into()), ..company.clone() },
            expect!["FirstName: belongs to persons only, an organization has one Name"],
        );
        refused(
            CustomerDraft { customer_type: Some(3), ..company },
            expect!["CustomerTypeValue: must be 1 (person) or 2 (organization)"],
        );
    }

    #[test]
    fn a_whole_name_says_nothing_that_the_parts_do_not() {
        let both = |whole: &str| CustomerDraft {
            name: Some(whole.to_owned()),
            first_name: Some("Ada".into()),
            middle_name: Some("King".into()),
            ..draft()
        };
        for whole in ["Ada King Waller", "WALLER  Ada", "Waller, Ada", ""] {
            assert_eq!(both(whole).check().expect(whole).name.full(), "Ada King Waller");
        }
        refused(
            both("Bob Waller"),
            expect!["Name: says `Bob`, which none of FirstName, MiddleName and LastName says"],
        );
    }

    #[test]
    fn a_whole_name_serves_a_person_and_is_never_cut() {
        let whole = |name: String| CustomerDraft { name: Some(name), ..CustomerDraft::default() };
        let person = whole("Ada Lovelace".into()).check().expect("valid");
        assert_eq!(person.name.full(), "Ada Lovelace");
        refused(
            whole("Wolfeschlegelsteinhausenbergerdorff".into()),
            expect!["LastName: 35 characters, but at most 25 fit"],
        );
    }
}
