//! What a customer is found by, as words of the full-text indexes, and what somebody typed, as
//! beginnings of such words.
//!
//! Both sides are folded here and nowhere else: small letters, no accents. E-mail addresses and
//! phone numbers become one word each, so that they are matched whole and from their beginning,
//! whatever punctuation they were written with (F90). Marks and punctuation in them are characters
//! of private use, which no typed word can hold. A store and headquarters search by the same words.

use unicode_normalization::UnicodeNormalization;

use crate::rows::operation::{AddressContent, CustomerContent};

/// Counts the ways in which words were made: one more, and every database is indexed anew.
pub const WORDS_VERSION: i64 = 1;

const EMAIL_MARK: char = '\u{e000}';
const PHONE_MARK: char = '\u{e001}';
const DOMAIN_MARK: char = '\u{e003}';
/// ASCII punctuation of an e-mail address stands behind this, in the order of ASCII.
const PUNCTUATION: u32 = 0xe100;
/// Any other sign in an e-mail address.
const OTHER_SIGN: char = '\u{e002}';
/// Fewer digits are more likely part of a name.
const PHONE_DIGITS_MIN: usize = 3;
/// Words of one query that are looked at; nobody types more.
const WORDS_MAX: usize = 16;

/// The words under which a customer is indexed, with a space between.
pub fn index_words(content: &CustomerContent) -> String {
    let mut words = Vec::with_capacity(16);
    let names = [&content.first_name, &content.middle_name, &content.last_name, &content.name];
    for name in names.into_iter().flatten() {
        push_words(&mut words, name);
    }
    for email in [&content.email, &content.receipt_email].into_iter().flatten() {
        // Its parts are no words of a name: they would drown the names that begin like them.
        words.push(marked(EMAIL_MARK, email));
        if let Some(at) = email.rfind('@') {
            words.push(marked(DOMAIN_MARK, &email[at + 1..]));
        }
    }
    for phone in [&content.phone, &content.cellphone].into_iter().flatten() {
        let digits = digits_of(phone);
        if !digits.is_empty() {
            words.push(phone_word(&digits));
        }
    }
    words.join(" ")
}

/// The words of an address in the orders people say them in: the house number stands before and
/// behind its street, the postal code before and behind its city.
pub fn address_words(content: &AddressContent) -> Vec<String> {
    let mut words = Vec::with_capacity(12);
    let parts = [
        &content.name,
        &content.street_number,
        &content.street,
        &content.street_number,
        &content.zip_code,
        &content.city,
        &content.county,
        &content.state,
        &content.zip_code,
        &content.country,
    ];
    for part in parts.into_iter().flatten() {
        push_words(&mut words, part);
    }
    words
}

/// What somebody typed.
#[derive(Debug, PartialEq, Eq)]
pub struct Keyword {
    /// The beginning of a phone number, when all of it can be one.
    pub phone: Option<String>,
    /// The beginning of an e-mail address or of a domain, when it is one word.
    pub email: Option<String>,
    /// Words of names, each in the forms that it may stand under in the index.
    pub words: Vec<Vec<String>>,
    /// Words of an address, in their order.
    pub address: Vec<String>,
}

impl Keyword {
    /// Reads it; nothing that can be typed is refused.
    pub fn read(keyword: &str) -> Self {
        let mut words: Vec<Vec<String>> = Vec::new();
        let mut push = |forms: Vec<String>| {
            if words.len() < WORDS_MAX && !words.contains(&forms) {
                words.push(forms);
            }
        };
        for part in keyword.split_whitespace() {
            if part.contains('@') && part.chars().any(char::is_alphanumeric) {
                push(vec![email_of(part)]);
                continue;
            }
            let phone = phone_of(part);
            let mut plain = Vec::new();
            push_words(&mut plain, part);
            match (phone, plain.len()) {
                (Some(phone), 0 | 1) => push(plain.into_iter().chain([phone]).collect()),
                _ => plain.into_iter().for_each(|word| push(vec![word])),
            }
        }
        let mut address = Vec::new();
        push_words(&mut address, keyword);
        address.truncate(WORDS_MAX);
        let is_one = !keyword.contains(char::is_whitespace);
        let email = Some(keyword).filter(|text| is_one && text.contains(char::is_alphanumeric));
        Keyword { phone: phone_of(keyword), email: email.map(email_of), words, address }
    }
}

/// Puts the words of a text behind others: runs of letters and digits, folded.
fn push_words(words: &mut Vec<String>, text: &str) {
    let mut word = String::new();
    for c in folded(text) {
        if c.is_alphanumeric() {
            word.push(c);
        } else if c != '\'' && c != '\u{2019}' && !word.is_empty() {
            // An apostrophe is left out: O'Neill is found as oneill, too.
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
}

/// Small letters without accents; letters that are no accented ones become what people type
/// instead of them.
fn folded(text: &str) -> impl Iterator<Item = char> {
    let plain = text.nfkd().filter(|c| !matches!(c, '\u{300}'..='\u{36f}'));
    plain.flat_map(char::to_lowercase).filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).flat_map(
        |c| {
            let spelled = match c {
                'ß' => ['s', 's'],
                'æ' => ['a', 'e'],
                'œ' => ['o', 'e'],
                'þ' => ['t', 'h'],
                'ø' => ['o', '\0'],
                'ł' => ['l', '\0'],
                'đ' | 'ð' => ['d', '\0'],
                'ı' => ['i', '\0'],
                c => [c, '\0'],
            };
            // Behind the first, a zero means that there is no second one.
            let first = spelled[0];
            [Some(first), Some(spelled[1]).filter(|c| *c != '\0')].into_iter().flatten()
        },
    )
}

fn phone_of(text: &str) -> Option<String> {
    let digits = digits_of(text);
    let is_phone = digits.len() >= PHONE_DIGITS_MIN
        && text.chars().all(|c| c.is_ascii_digit() || " +-()./".contains(c));
    is_phone.then(|| phone_word(&digits))
}

fn phone_word(digits: &str) -> String {
    format!("{PHONE_MARK}{digits}")
}

fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// An e-mail address from its beginning, or a domain behind its sign.
fn email_of(text: &str) -> String {
    match text.strip_prefix('@') {
        Some(domain) => marked(DOMAIN_MARK, domain),
        None => marked(EMAIL_MARK, text),
    }
}

/// One word of which every beginning stays a beginning.
fn marked(mark: char, email: &str) -> String {
    let mut word = String::from(mark);
    for c in folded(email) {
        word.push(match c {
            c if c.is_alphanumeric() => c,
            c if c.is_ascii() => char::from_u32(PUNCTUATION + u32::from(c)).unwrap_or(OTHER_SIGN),
            _ => OTHER_SIGN,
        });
    }
    word
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        let visible = |word: &str| {
            let marked = word
                .replace(EMAIL_MARK, "mail:")
                .replace(PHONE_MARK, "phone:")
                .replace(DOMAIN_MARK, "@");
            let plain = |c: char| match u32::from(c).checked_sub(PUNCTUATION) {
                Some(code @ 0..0x80) => char::from_u32(code).unwrap_or(c),
                _ => c,
            };
            marked.chars().map(plain).collect::<String>()
        };
        let keyword = Keyword::read(text);
        assert_eq!(
            keyword.email.is_some(),
            !text.trim().contains(' ') && !keyword.words.is_empty()
        );
        let words: Vec<String> = keyword.words.iter().map(|w| visible(&w.join("|"))).collect();
        let phone = keyword.phone.as_deref().map(visible).unwrap_or_default();
        let text = format!("{phone}; {}; {}", words.join(" "), keyword.address.join(" "));
        expected.assert_eq(&text);
    }

    #[test]
    fn a_keyword_is_read_as_phone_words_and_address() {
        check("Ada LOVELACE ada", expect!["; ada lovelace; ada lovelace ada"]);
        check(
            "+44 (123) 456",
            expect!["phone:44123456; 44 123|phone:123 456|phone:456; 44 123 456"],
        );
        check("Ada@Ex.com", expect!["; mail:ada@ex.com; ada ex com"]);
        check("@Ex.com", expect!["; @ex.com; ex com"]);
        check("12 Mäinstraße, Łódź", expect!["; 12 mainstrasse lodz; 12 mainstrasse lodz"]);
        check("Jean-Luc O'Neill", expect!["; jean luc oneill; jean luc oneill"]);
    }

    #[test]
    fn nothing_typed_makes_a_word_that_marks_or_commands() {
        check("\" NEAR( * ^ - : {} \u{e000} \u{1f600} @", expect!["; near; near"]);
    }
}
