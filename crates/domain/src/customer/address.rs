//! A postal address, identified by its own GUID and not by a row of any database (F27).

use super::field::{Checker, Field, Rule, Text, Violations};
use super::{ADDRESSES_MAX, CustomerType, Violation};
use crate::ids::AddressGuid;

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressPurpose {
    /// `AddressTypeValue` 1.
    Invoice,
    /// `AddressTypeValue` 2.
    Delivery,
    /// `AddressTypeValue` 6; the default of a person (F30).
    Home,
    /// `AddressTypeValue` 9; the default of an organization (F30).
    Business,
}

impl AddressPurpose {
    /// The purpose an address gets when none is given (F30).
    pub fn default_for(customer_type: CustomerType) -> Self {
        match customer_type {
            CustomerType::Person => AddressPurpose::Home,
            CustomerType::Organization => AddressPurpose::Business,
        }
    }

    /// The number APIs use.
    pub fn value(self) -> u32 {
        match self {
            AddressPurpose::Invoice => 1,
            AddressPurpose::Delivery => 2,
            AddressPurpose::Home => 6,
            AddressPurpose::Business => 9,
        }
    }

    /// The purpose behind an API's number, if there is one.
    pub fn from_value(value: u32) -> Option<Self> {
        [Self::Invoice, Self::Delivery, Self::Home, Self::Business]
            .into_iter()
            .find(|purpose| purpose.value() == value)
    }
}

/// An address that keeps every rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAddress {
    /// The identity given where the address was met.
    pub guid: AddressGuid,
    /// Name or description.
    pub name: Option<Text>,
    /// What it is for.
    pub purpose: AddressPurpose,
    /// Street with everything a street line holds.
    pub street: Option<Text>,
    /// House number.
    pub street_number: Option<Text>,
    /// City or suburb.
    pub city: Option<Text>,
    /// County.
    pub county: Option<Text>,
    /// State or province.
    pub state: Option<Text>,
    /// Postal code.
    pub zip_code: Option<Text>,
    /// ISO 3166-1 alpha-3 country.
    pub country: Option<Text>,
    /// Phone at this address.
    pub phone: Option<Text>,
    /// E-mail at this address.
    pub email: Option<Text>,
    /// Whether it asks to be the customer's one primary address (F29).
    pub is_primary: bool,
}

/// An address as somebody typed it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of `NewAddress`")]
pub struct AddressDraft {
    pub name: Option<String>,
    /// 1 invoice, 2 delivery, 6 home, 9 business; absent is the default of the customer's type.
    pub purpose: Option<u32>,
    pub street: Option<String>,
    pub street_number: Option<String>,
    pub city: Option<String>,
    pub county: Option<String>,
    pub state: Option<String>,
    pub zip_code: Option<String>,
    pub country: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub is_primary: bool,
}

impl AddressDraft {
    /// Checks every field and returns the address, or all violations at once.
    ///
    /// # Errors
    /// Invalid: each violation names its field. An address in which nothing is filled is refused.
    pub fn check(
        self,
        guid: AddressGuid,
        customer_type: CustomerType,
    ) -> Result<NewAddress, Violations> {
        let mut checker = Checker::default();
        let purpose = match self.purpose {
            None => AddressPurpose::default_for(customer_type),
            Some(value) => AddressPurpose::from_value(value).unwrap_or_else(|| {
                let expected = "1 (invoice), 2 (delivery), 6 (home) or 9 (business)";
                checker.violated(Field::AddressTypeValue, Rule::Malformed { expected });
                AddressPurpose::default_for(customer_type)
            }),
        };
        let address = NewAddress {
            guid,
            purpose,
            name: checker.text(Field::Name, self.name),
            street: checker.text(Field::Street, self.street),
            street_number: checker.text(Field::StreetNumber, self.street_number),
            city: checker.text(Field::City, self.city),
            county: checker.text(Field::County, self.county),
            state: checker.text(Field::State, self.state),
            zip_code: checker.text(Field::ZipCode, self.zip_code),
            country: checker.country(Field::ThreeLetterISORegionName, self.country),
            phone: checker.phone(Field::Phone, self.phone),
            email: checker.email(Field::Email, self.email),
            is_primary: self.is_primary,
        };
        let place = [&address.street, &address.city, &address.zip_code, &address.state];
        if place.iter().all(|part| part.is_none()) {
            checker.violated(Field::Street, Rule::Required);
        }
        checker.finish(address)
    }

    /// Checks the addresses of one request together: their number and that at most one is primary.
    ///
    /// `guids` gives each address its identity, in order.
    ///
    /// # Errors
    /// Invalid: violations carry the position of their address.
    pub fn check_all(
        drafts: Vec<AddressDraft>,
        customer_type: CustomerType,
        mut guid: impl FnMut() -> AddressGuid,
    ) -> Result<Vec<NewAddress>, Violations> {
        let (count, limit) = (drafts.len(), ADDRESSES_MAX);
        let mut violations = Vec::new();
        let whole = |rule| Violation { address: None, field: Field::Addresses, rule };
        if count > limit {
            return Err(Violations(vec![whole(Rule::TooMany { count, limit })]));
        }
        if drafts.iter().filter(|draft| draft.is_primary).count() > 1 {
            violations.push(whole(Rule::SeveralPrimaries));
        }
        let mut addresses = Vec::with_capacity(count);
        for (index, draft) in drafts.into_iter().enumerate() {
            match draft.check(guid(), customer_type) {
                Ok(address) => addresses.push(address),
                Err(found) => violations.extend(found.of_address(index).0),
            }
        }
        if violations.is_empty() { Ok(addresses) } else { Err(Violations(violations)) }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use uuid::Uuid;

    use super::*;

    fn street(name: &str) -> AddressDraft {
        AddressDraft { street: Some(name.into()), ..AddressDraft::default() }
    }

    fn check_all(drafts: Vec<AddressDraft>) -> Result<Vec<NewAddress>, Violations> {
        let mut next = 0;
        AddressDraft::check_all(drafts, CustomerType::Person, || {
            next += 1;
            AddressGuid::from_uuid(Uuid::from_u128(next))
        })
    }

    #[test]
    fn twenty_addresses_and_one_primary_are_fine() {
        let mut drafts: Vec<_> = (0..20).map(|n| street(&format!("Street {n}"))).collect();
        drafts[7].is_primary = true;
        let addresses = check_all(drafts).expect("valid");
        assert_eq!(addresses.iter().filter(|address| address.is_primary).count(), 1);
        assert_eq!(addresses.len(), 20);
    }

    #[test]
    fn the_purpose_defaults_by_type() {
        let guid = AddressGuid::from_uuid(Uuid::from_u128(1));
        let of = |kind| street("Main").check(guid, kind).expect("valid").purpose;
        assert_eq!(of(CustomerType::Person), AddressPurpose::Home);
        assert_eq!(of(CustomerType::Organization), AddressPurpose::Business);
    }

    #[test]
    fn violations_carry_the_position_of_their_address() {
        let primary = AddressDraft { is_primary: true, ..street("A") };
        let wide = AddressDraft { county: Some("x".repeat(11)), ..primary.clone() };
        let bad = check_all(vec![primary, wide, AddressDraft::default()]).expect_err("bad");
        expect![[r#"
            Addresses: at most one address can be primary
            Addresses[1].County: 11 characters, but at most 10 fit
            Addresses[2].Street: required, but none was given"#]]
        .assert_eq(&bad.to_string().replace("; ", "\n"));
    }
}
