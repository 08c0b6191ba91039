//! libpq's password file: lines of `host:port:database:user:password`.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The password for a place (host, port, database, user), from the first line that fits. A file
/// that others may read is not used, as libpq does not use it either.
pub(super) fn look_up(file: &Path, place: &[String; 4]) -> Option<String> {
    let permissions = file.metadata().ok()?.permissions();
    if permissions.mode() & 0o077 != 0 {
        tracing::warn!(
            file = %file.display(),
            "the password file is not used: others may read it (chmod 0600)"
        );
        return None;
    }
    find(&std::fs::read_to_string(file).ok()?, place)
}

fn find(text: &str, place: &[String; 4]) -> Option<String> {
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let fields = fields_of(line);
        let [password] = fields.get(4..)? else { return None };
        let fits = fields.iter().zip(place).all(|(field, asked)| field == "*" || field == asked);
        fits.then(|| password.clone())
    })
}

/// The five fields; a backslash takes the meaning from the character behind it.
fn fields_of(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == ':' && fields.len() < 5 {
            fields.push(String::new());
            continue;
        }
        let meant = if character == '\\' { characters.next() } else { Some(character) };
        fields.last_mut().expect("it begins with one").extend(meant);
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let text = "# db:5432:hq:ann:comment\n\
            other:5432:hq:ann:wrong\n\
            db:*:hq:ann:it\\:s se\\\\cret:really\n\
            *:*:*:*:anybody's\nshort:line\n";
        let place = |host: &str, user: &str| [host, "5432", "hq", user].map(str::to_owned);
        assert_eq!(find(text, &place("db", "ann")).as_deref(), Some("it:s se\\cret:really"));
        assert_eq!(find(text, &place("db", "bob")).as_deref(), Some("anybody's"));
        assert_eq!(find("db:5432:hq:ann:x", &place("db", "bob")), None);
    }
}
