//! The text of a URL, or of `key=value` pairs: what it says, key by key, so that this program's own
//! keys can be taken out before the driver reads the rest.

/// A URL's beginning with its parameters, or pairs alone.
pub(super) struct UrlText {
    /// Everything before the parameters; empty when it is no URL.
    start: String,
    pairs: Vec<(String, String)>,
}

impl UrlText {
    /// Takes a text apart; nothing when it is neither a URL nor pairs.
    pub(super) fn read(text: &str) -> Option<Self> {
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if !is_url {
            return Some(UrlText { start: String::new(), pairs: pairs_of(text)? });
        }
        // A question mark may stand in a password.
        let from = text.find('@').unwrap_or(0);
        let Some(at) = text[from..].find('?').map(|at| from + at) else {
            return Some(UrlText { start: text.to_owned(), pairs: Vec::new() });
        };
        let mut pairs = Vec::new();
        for pair in text[at + 1..].split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=')?;
            pairs.push((decode(key)?, decode(value)?));
        }
        Some(UrlText { start: text[..at].to_owned(), pairs })
    }

    /// Whether it says something under this key, empty or not.
    pub(super) fn says(&self, key: &str) -> bool {
        if self.pairs.iter().any(|(known, _)| known == key) {
            return true;
        }
        let rest = self.start.split_once("://").map_or("", |(_, rest)| rest);
        let (credentials, rest) = rest.split_once('@').unwrap_or(("", rest));
        let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
        match key {
            "user" => !credentials.is_empty(),
            "password" => credentials.contains(':'),
            "host" => !hosts.is_empty() && !hosts.starts_with(':'),
            "port" => hosts.split(',').any(|host| {
                let after_brackets = host.rsplit_once(']').map_or(host, |(_, port)| port);
                after_brackets.contains(':')
            }),
            "dbname" => !database.is_empty(),
            _ => false,
        }
    }

    /// Says something more.
    pub(super) fn add(&mut self, key: &str, value: &str) {
        self.pairs.push((key.to_owned(), value.to_owned()));
    }

    /// Takes out what is said under a key; said twice, the last counts.
    pub(super) fn take(&mut self, key: &str) -> Option<String> {
        let mut taken = None;
        self.pairs.retain(|(known, value)| {
            let is_other = known != key;
            if !is_other {
                taken = Some(value.clone());
            }
            is_other
        });
        taken.filter(|value| !value.is_empty())
    }

    /// What is left, for the driver.
    pub(super) fn rest(&self) -> String {
        if self.start.is_empty() {
            let quoted = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
            let pairs = self.pairs.iter();
            let pairs: Vec<_> =
                pairs.map(|(key, value)| format!("{key}='{}'", quoted(value))).collect();
            return pairs.join(" ");
        }
        // Behind a URL's question mark, the driver takes one host at a time.
        let pairs = self.pairs.iter().flat_map(|(key, value)| {
            let values: Vec<_> =
                if key == "host" { value.split(',').collect() } else { vec![value.as_str()] };
            values.into_iter().map(move |value| format!("{}={}", encode(key), encode(value)))
        });
        let pairs: Vec<_> = pairs.collect();
        match pairs.as_slice() {
            [] => self.start.clone(),
            pairs => format!("{}?{}", self.start, pairs.join("&")),
        }
    }
}

/// Pairs as libpq reads them: `key = value`, the value perhaps in quotes, backslashes before what
/// is meant as it stands.
fn pairs_of(text: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, behind) = rest.split_once('=')?;
        let key = key.trim_end();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return None;
        }
        let (value, behind) = value_of(behind.trim_start())?;
        pairs.push((key.to_owned(), value));
        rest = behind.trim_start();
    }
    Some(pairs)
}

fn value_of(text: &str) -> Option<(String, &str)> {
    let is_quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut characters = text.char_indices().skip(usize::from(is_quoted));
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.push(characters.next()?.1),
            '\'' if is_quoted => return Some((value, &text[at + 1..])),
            space if !is_quoted && space.is_whitespace() => return Some((value, &text[at..])),
            character => value.push(character),
        }
    }
    (!is_quoted).then_some((value, ""))
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            byte => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}
