//! The one table of field names and widths, and the checks that use it (F113).

use std::fmt;

/// A text that is not blank, holds no control character and fits its field at headquarters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(String);

impl Text {
    /// The text, exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! fields {
    ($($variant:ident $max:literal),+ $(,)?) => {
        /// Every text field of a customer and its addresses, by its API name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each variant is its API name")]
        pub enum Field { $($variant),+ }

        impl Field {
            /// Every field, in table order.
            pub const ALL: &'static [Field] = &[$(Field::$variant),+];

            /// The name of the field in every API.
            pub fn name(self) -> &'static str {
                match self { $(Field::$variant => stringify!($variant)),+ }
            }

            /// The width of the field at headquarters, in characters.
            pub fn chars_max(self) -> usize {
                match self { $(Field::$variant => $max),+ }
            }
        }
    };
}

// Headquarters' widths; the channel columns of the reference system are wider, which is how it
// comes to fail or truncate on upload.
fields! {
    CustomerTypeValue 1,
    Name 100,
    FirstName 25,
    MiddleName 25,
    LastName 25,
    CustomerGroup 10,
    CurrencyCode 3,
    Language 7,
    Email 80,
    ReceiptEmail 80,
    Phone 20,
    Cellphone 20,
    IdentificationNumber 50,
    VatNumber 20,
    Addresses 50,
    Street 250,
    StreetNumber 20,
    City 60,
    County 10,
    State 10,
    ZipCode 10,
    ThreeLetterISORegionName 3,
    AddressTypeValue 1,
    IsPrimary 1,
}

/// The rule a field breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Nothing was given.
    Required,
    /// Wider than headquarters stores, in characters.
    TooLong {
        /// What was given.
        length: usize,
        /// What fits.
        limit: usize,
    },
    /// Holds a control character.
    ControlCharacter,
    /// Not of the expected form.
    Malformed {
        /// The form, to be read after "must be".
        expected: &'static str,
    },
    /// A person's name part on an organization.
    NotForOrganizations,
    /// A whole name with a word that the parts of the name lack.
    NotInParts {
        /// The word.
        word: String,
    },
    /// More than one address is marked primary (F29).
    SeveralPrimaries,
    /// More items than one request may carry.
    TooMany {
        /// What was given.
        count: usize,
        /// What is accepted.
        limit: usize,
    },
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Required => f.write_str("required, but none was given"),
            Rule::TooLong { length, limit } => {
                write!(f, "{length} characters, but at most {limit} fit")
            }
            Rule::ControlCharacter => f.write_str("holds a control character"),
            Rule::Malformed { expected } => write!(f, "must be {expected}"),
            Rule::NotForOrganizations => {
                f.write_str("belongs to persons only, an organization has one Name")
            }
            Rule::NotInParts { word } => {
                write!(f, "says `{word}`, which none of FirstName, MiddleName and LastName says")
            }
            Rule::SeveralPrimaries => f.write_str("at most one address can be primary"),
            Rule::TooMany { count, limit } => {
                write!(f, "{count} were given, but at most {limit} are accepted at once")
            }
        }
    }
}

/// One field that breaks one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The position in `Addresses` when the field belongs to an address of a larger request.
    pub address: Option<usize>,
    /// The field.
    pub field: Field,
    /// The rule.
    pub rule: Rule,
}

impl Violation {
    /// The field's path in the request, such as `Addresses[1].Street`.
    pub fn path(&self) -> String {
        match self.address {
            Some(index) => format!("Addresses[{index}].{}", self.field.name()),
            None => self.field.name().to_owned(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path(), self.rule)
    }
}

/// Everything that is wrong with one request; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(Violation::to_string).collect::<Vec<_>>().join("; "))]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// The same violations, said of the address at `index` of a larger request.
    pub fn of_address(mut self, index: usize) -> Self {
        for violation in &mut self.0 {
            violation.address = Some(index);
        }
        self
    }
}

/// Collects violations while fields are checked one by one.
#[derive(Debug, Default)]
pub(super) struct Checker {
    violations: Vec<Violation>,
}

impl Checker {
    pub(super) fn violated(&mut self, field: Field, rule: Rule) {
        self.violations.push(Violation { address: None, field, rule });
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, Violations> {
        if self.violations.is_empty() { Ok(value) } else { Err(Violations(self.violations)) }
    }

    pub(super) fn text(&mut self, field: Field, text: Option<String>) -> Option<Text> {
        let text = text.filter(|text| !text.trim().is_empty())?;
        let (length, limit) = (text.chars().count(), field.chars_max());
        if length > limit {
            self.violated(field, Rule::TooLong { length, limit });
        } else if text.chars().any(char::is_control) {
            self.violated(field, Rule::ControlCharacter);
        }
        Some(Text(text))
    }

    pub(super) fn required(&mut self, field: Field, text: Option<Text>) -> Text {
        text.unwrap_or_else(|| {
            // A whole name that is missing is reported once, whatever else is wrong with it.
            self.violated(field, Rule::Required);
            Text(String::new())
        })
    }

    /// A person known by one line only: the last word is the family name.
    pub(super) fn person_from_whole(&mut self, whole: Option<Text>) -> super::PartyName {
        let whole = self.required(Field::Name, whole);
        let (first, last) = match whole.as_str().trim().rsplit_once(' ') {
            Some((first, last)) => (Some(first.trim().to_owned()), last.to_owned()),
            None => (None, whole.as_str().trim().to_owned()),
        };
        let first = self.text(Field::FirstName, first);
        let last = self.text(Field::LastName, Some(last));
        super::PartyName::Person { first, middle: None, last }
    }

    /// Programs send a whole name beside its parts; the parts are kept, so a word that stands in
    /// the whole name only would be lost.
    pub(super) fn no_more_than(&mut self, whole: Option<Text>, name: &super::PartyName) {
        let kept = name.full().to_lowercase();
        let kept: Vec<&str> = words(&kept).collect();
        let Some(whole) = whole else { return };
        if self.violations.iter().any(|violation| violation.field == Field::Name) {
            return;
        }
        let lost = words(whole.as_str()).find(|word| !kept.contains(&word.to_lowercase().as_str()));
        if let Some(word) = lost {
            self.violated(Field::Name, Rule::NotInParts { word: word.to_owned() });
        }
    }

    pub(super) fn email(&mut self, field: Field, text: Option<String>) -> Option<Text> {
        let looks_right = |text: &Text| {
            let (name, host) = text.as_str().rsplit_once('@').unwrap_or_default();
            !name.is_empty() && !host.is_empty() && !text.as_str().contains(char::is_whitespace)
        };
        let expected = "an e-mail address such as name@example.com";
        self.text_of_form(field, text, looks_right, expected)
    }

    pub(super) fn phone(&mut self, field: Field, text: Option<String>) -> Option<Text> {
        // Digits in any script and any punctuation are somebody's way to write a phone number.
        let looks_right = |text: &Text| text.as_str().chars().any(char::is_numeric);
        let has_control = text.as_deref().is_some_and(|t| t.chars().any(char::is_control));
        if has_control {
            return self.text(field, text);
        }
        self.text_of_form(field, text, looks_right, "a phone number with at least one digit")
    }

    pub(super) fn currency(&mut self, field: Field, text: Option<String>) -> Option<Text> {
        self.text_of_form(field, text, is_three_capitals, "three capital letters (ISO 4217)")
    }

    pub(super) fn country(&mut self, field: Field, text: Option<String>) -> Option<Text> {
        self.text_of_form(
            field,
            text,
            is_three_capitals,
            "three capital letters (ISO 3166-1 alpha-3)",
        )
    }

    fn text_of_form(
        &mut self,
        field: Field,
        text: Option<String>,
        looks_right: impl Fn(&Text) -> bool,
        expected: &'static str,
    ) -> Option<Text> {
        let text = self.text(field, text)?;
        if !looks_right(&text) {
            self.violated(field, Rule::Malformed { expected });
        }
        Some(text)
    }
}

fn is_three_capitals(text: &Text) -> bool {
    text.as_str().len() == 3 && text.as_str().bytes().all(|b| b.is_ascii_uppercase())
}

/// The words of a name; punctuation around them is not theirs.
fn words(name: &str) -> impl Iterator<Item = &str> {
    let is_between = |c: char| c.is_whitespace() || c == ',';
    name.split(is_between).filter(|word| !word.is_empty())
}
