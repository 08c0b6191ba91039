//! What a customer is found by, as words of the full-text index.
//!
//! E-mail addresses and phone numbers become one word each, so that they are matched whole and
//! from their beginning, whatever punctuation they were written with (F90).

use tillsync_exchange::rows::operation::CustomerContent;

const EMAIL_MARK: &str = "email0";
const PHONE_MARK: &str = "phone0";
/// Fewer digits are more likely part of a name.
const PHONE_DIGITS_MIN: usize = 3;
/// Words of one query that are looked at; nobody types more.
const WORDS_MAX: usize = 16;

/// The words under which a customer is indexed.
pub(crate) fn index_words(content: &CustomerContent) -> String {
    let mut words = String::with_capacity(160);
    let names = [&content.first_name, &content.middle_name, &content.last_name, &content.name];
    for name in names.into_iter().flatten() {
        push(&mut words, name);
    }
    for email in [&content.email, &content.receipt_email].into_iter().flatten() {
        // The parts of an address are words people search for as well.
        push(&mut words, email);
        push(&mut words, &email_word(email));
    }
    for phone in [&content.phone, &content.cellphone].into_iter().flatten() {
        let digits = digits_of(phone);
        if !digits.is_empty() {
            push(&mut words, PHONE_MARK);
            words.push_str(&digits);
        }
    }
    words
}

/// The full-text query for what somebody typed: all words must begin like this, in any order.
/// Nothing when there is no word in it.
pub(crate) fn match_expression(keyword: &str) -> Option<String> {
    let digits = digits_of(keyword);
    let is_phone = digits.len() >= PHONE_DIGITS_MIN
        && keyword.chars().all(|c| c.is_ascii_digit() || " +-()./".contains(c));
    if is_phone {
        return Some(format!("\"{PHONE_MARK}{digits}\"*"));
    }
    let mut terms = Vec::new();
    for part in keyword.split_whitespace().take(WORDS_MAX) {
        if part.contains('@') {
            terms.push(format!("\"{}\"*", email_word(part)));
            continue;
        }
        let words = part.split(|c: char| c.is_ascii_punctuation()).filter(|word| {
            // A word without a letter or digit would match nothing and so hide everything.
            word.chars().any(char::is_alphanumeric)
        });
        terms.extend(words.map(|word| format!("\"{word}\"*")));
    }
    if terms.is_empty() { None } else { Some(terms.join(" ")) }
}

fn push(words: &mut String, word: &str) {
    if !words.is_empty() {
        words.push(' ');
    }
    words.push_str(word);
}

fn digits_of(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Letters and digits stay, anything else is spelled out, so that the index sees one word of
/// which every beginning stays a beginning.
fn email_word(email: &str) -> String {
    let mut word = EMAIL_MARK.to_owned();
    for c in email.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            word.push(c);
        } else {
            word.push_str(&format!("0{:x}0", u32::from(c)));
        }
    }
    word
}
