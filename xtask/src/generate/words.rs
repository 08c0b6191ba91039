//! The syllables and words that invented customers are made of.
//!
//! All of them are lower case and free of commas and quotes, as in `data/febrl1.csv`. Adding one
//! changes what every seed means, so this file stays as it is.

/// Beginnings of given names.
pub(super) const GIVEN_HEADS: [&str; 32] = [
    "ka", "ma", "le", "jo", "da", "ta", "ri", "sa", "no", "be", "mi", "el", "an", "lu", "fi",
    "har", "cal", "row", "wil", "te", "is", "ol", "ga", "pe", "ro", "vi", "em", "hu", "ne", "cla",
    "bri", "ste",
];

/// Endings of given names.
pub(super) const GIVEN_TAILS: [&str; 30] = [
    "lin", "ra", "than", "na", "vin", "rie", "mon", "ley", "dra", "bert", "so", "nia", "ko", "len",
    "ny", "ssa", "rick", "tta", "ryn", "mus", "bel", "dan", "vid", "lia", "mer", "gan", "phie",
    "xa", "ton", "ris",
];

/// Given names with letters beyond ASCII.
pub(super) const GIVEN_BEYOND_ASCII: [&str; 8] =
    ["zoë", "renée", "jörg", "åsa", "väinö", "małgorzata", "niño", "søren"];

/// Beginnings of surnames.
pub(super) const SURNAME_HEADS: [&str; 40] = [
    "ash", "black", "brad", "cal", "carl", "clay", "dun", "east", "fair", "fen", "gar", "green",
    "hal", "hart", "hol", "kel", "kirk", "lang", "mar", "mc", "mer", "mor", "new", "nor", "old",
    "pen", "pres", "rad", "red", "row", "sand", "shel", "stan", "sut", "thor", "wal", "war", "wel",
    "whit", "win",
];

/// Endings of surnames.
pub(super) const SURNAME_TAILS: [&str; 36] = [
    "berry", "bourne", "brook", "by", "combe", "cott", "dale", "den", "don", "field", "ford",
    "gate", "ham", "hill", "hurst", "ington", "kins", "land", "ley", "low", "man", "mere", "mond",
    "more", "ney", "rell", "ridge", "ris", "sen", "shaw", "stone", "ter", "ton", "vey", "wick",
    "worth",
];

/// Surnames with letters beyond ASCII.
pub(super) const SURNAMES_BEYOND_ASCII: [&str; 8] =
    ["mäkinen", "østergaard", "muñoz", "lefèvre", "çelik", "grüber", "nováková", "þórsson"];

/// Beginnings of street, property and suburb names.
pub(super) const PLACE_HEADS: [&str; 36] = [
    "acacia", "amber", "banksia", "bay", "bell", "birch", "bottle", "cedar", "clear", "coral",
    "crane", "deep", "dry", "eagle", "fern", "flint", "glen", "gum", "heron", "iron", "jarra",
    "kanga", "kings", "lake", "mill", "moon", "oak", "pine", "quarry", "rose", "salt", "silver",
    "stony", "tall", "water", "yarra",
];

/// Endings of street, property and suburb names.
pub(super) const PLACE_TAILS: [&str; 24] = [
    " bend", " creek", " gully", " lookout", " point", " rise", "bank", "brook", "bridge", "burn",
    "dale", "field", "ford", "garth", "grove", "haven", "hill", "lea", "mead", "mere", "ridge",
    "stead", "view", "wood",
];

/// What a street is called by.
pub(super) const STREET_KINDS: [&str; 14] = [
    "street",
    "road",
    "place",
    "circuit",
    "avenue",
    "crescent",
    "lane",
    "close",
    "drive",
    "court",
    "parade",
    "terrace",
    "way",
    "boulevard",
];

/// What a named property is called by.
pub(super) const PROPERTY_KINDS: [&str; 8] =
    ["park", "farm", "estate", "gardens", "cottage", "station", "towers", "caravan park"];

/// Prefixes of suburbs.
pub(super) const DIRECTIONS: [&str; 6] = ["north", "south", "east", "west", "upper", "mount"];

/// Suffixes of suburbs.
pub(super) const SUBURB_KINDS: [&str; 5] = ["heights", "beach", "junction", "waters", "central"];

/// States, more often the populous ones, each with the first two digits of a postcode there.
pub(super) const STATES: [(&str, &str); 20] = [
    ("nsw", "20"),
    ("nsw", "21"),
    ("nsw", "22"),
    ("nsw", "24"),
    ("nsw", "27"),
    ("nsw", "28"),
    ("vic", "30"),
    ("vic", "31"),
    ("vic", "32"),
    ("vic", "35"),
    ("vic", "38"),
    ("qld", "40"),
    ("qld", "42"),
    ("qld", "45"),
    ("qld", "48"),
    ("sa", "50"),
    ("sa", "52"),
    ("wa", "60"),
    ("tas", "72"),
    ("act", "26"),
];
