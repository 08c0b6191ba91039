//! What is found, in which order, and what hostile input does: nothing.

use tillsync_domain::customer::{AddressDraft, CustomerDraft};
use tillsync_domain::kind::ErrorKind;

use super::world::{Shop, at, shop};
use crate::DbError;
use crate::create::{CreateCustomer, create_customer};
use crate::search::{PAGE_MAX, Page, REACH_MAX, search_customers};

fn named(first: &str, last: &str) -> CreateCustomer {
    let customer = CustomerDraft {
        first_name: Some(first.into()),
        last_name: Some(last.into()),
        ..CustomerDraft::default()
    };
    CreateCustomer { customer, ..CreateCustomer::default() }
}

fn create(shop: &Shop, request: CreateCustomer) {
    create_customer(&shop.edge, request, at(0)).expect("is created");
}

fn living(last: &str, street: &str, number: &str, zip: &str, city: &str) -> CreateCustomer {
    let address = AddressDraft {
        street: Some(street.into()),
        street_number: Some(number.into()),
        zip_code: Some(zip.into()),
        city: Some(city.into()),
        ..AddressDraft::default()
    };
    CreateCustomer { addresses: vec![address], ..named("Ann", last) }
}

fn page(shop: &Shop, keyword: &str, page: Page) -> Vec<String> {
    let views = search_customers(&shop.edge, keyword, page).expect("searches");
    let names = views.into_iter().map(|view| {
        let content = view.content;
        [content.first_name, content.last_name].map(Option::unwrap_or_default).join(" ")
    });
    names.collect()
}

fn found(shop: &Shop, keyword: &str) -> Vec<String> {
    page(shop, keyword, Page { top: 100, skip: 0 })
}

fn check(shop: &Shop, keyword: &str, expected: &[&str]) {
    assert_eq!(found(shop, keyword), expected, "{keyword}");
}

#[test]
fn the_more_words_of_a_name_match_the_further_in_front_it_stands() {
    let shop = shop("S1", None, 1);
    for (first, last) in [
        ("Anna", "Berg"),
        ("Maria", "Lind"),
        ("Anna Maria", "Virtanen"),
        ("Maria", "Virtanen"),
        ("Otto", "Stone"),
    ] {
        create(&shop, named(first, last));
    }
    check(
        &shop,
        "virtanen anna maria",
        &["Anna Maria Virtanen", "Maria Virtanen", "Anna Berg", "Maria Lind"],
    );
    check(&shop, "mar virt", &["Anna Maria Virtanen", "Maria Virtanen", "Maria Lind"]);
    check(&shop, "anna nobody", &["Anna Berg", "Anna Maria Virtanen"]);
    check(&shop, "irtanen", &[]);
}

#[test]
fn one_word_lists_those_first_who_are_called_exactly_so() {
    let shop = shop("S1", None, 1);
    for last in ["Smithers", "Smith", "Smithson", "Smith"] {
        create(&shop, named("Jo", last));
    }
    check(&shop, "SMITH", &["Jo Smith", "Jo Smith", "Jo Smithers", "Jo Smithson"]);
}

#[test]
fn accents_case_and_apostrophes_make_no_difference() {
    let shop = shop("S1", None, 1);
    create(&shop, named("Zoë", "Łukasiński"));
    create(&shop, named("SØREN", "Großmann"));
    create(&shop, named("Pat", "O'Neill"));
    for keyword in ["zoe", "ZOË", "lukasinski", "Zoe\u{308} lukas"] {
        check(&shop, keyword, &["Zoë Łukasiński"]);
    }
    for keyword in ["soren", "Søren", "grossmann", "GROSSM"] {
        check(&shop, keyword, &["SØREN Großmann"]);
    }
    for keyword in ["oneill", "O'Neill", "o’neill"] {
        check(&shop, keyword, &["Pat O'Neill"]);
    }
}

#[test]
fn the_words_of_an_address_keep_their_order() {
    let shop = shop("S1", None, 1);
    create(&shop, living("Home", "Main Street", "12", "10115", "Springfield"));
    create(&shop, living("Away", "Springfield Street", "7", "20117", "Mainz"));
    for keyword in [
        "12 main street",
        "main street 12",
        "Main Str 12, 10115 Spring",
        "main springfield",
        "springfield 10115",
        "10115",
    ] {
        check(&shop, keyword, &["Ann Home"]);
    }
    check(&shop, "street main springfield", &[]);
    check(&shop, "main street", &["Ann Home"]);
    check(&shop, "street main", &["Ann Away"]);
    check(&shop, "springfield", &["Ann Home", "Ann Away"]);
}

#[test]
fn a_word_that_a_hundred_others_begin_like_still_ranks() {
    let shop = shop("S1", None, 1);
    for n in 0..100 {
        let letters = [b'a' + n / 10, b'a' + n % 10].map(char::from);
        create(&shop, named("Kim", &format!("S{}", String::from_iter(letters))));
    }
    create(&shop, named("Lee", "Stone"));
    create(&shop, named("Sam", "Lee"));
    check(&shop, "s lee", &["Lee Stone", "Sam Lee"]);
    let kims = found(&shop, "s kim");
    assert_eq!((kims.len(), kims[0].as_str()), (100, "Kim Saa"));
    assert_eq!(found(&shop, "s k").len(), 100);
}

#[test]
fn pages_are_parts_of_one_list() {
    let shop = shop("S1", None, 1);
    for n in 0..30 {
        let first = if n % 3 == 0 { "Maria" } else { "Eva" };
        create(&shop, named(first, if n % 2 == 0 { "Lind" } else { "Berg" }));
    }
    for keyword in ["maria lind", "maria", "l m", "e b x"] {
        let whole = found(&shop, keyword);
        let pages = (0..8).flat_map(|n| page(&shop, keyword, Page { top: 4, skip: 4 * n }));
        assert_eq!(pages.collect::<Vec<_>>(), whole, "{keyword}");
        assert!(whole.len() > 5, "{keyword}");
    }
    let far = search_customers(&shop.edge, "maria", Page { top: PAGE_MAX, skip: REACH_MAX });
    assert_eq!(far.expect_err("is refused").kind(), ErrorKind::Invalid);
}

#[test]
fn nothing_that_can_be_typed_is_an_error_or_finds_everybody() {
    let shop = shop("S1", None, 1);
    let everybody = CreateCustomer {
        customer: CustomerDraft {
            email: Some("ann@example.com".into()),
            phone: Some("044 1234567".into()),
            ..named("Ann", "Lee").customer
        },
        ..CreateCustomer::default()
    };
    create(&shop, everybody);
    let long = ["!?".repeat(100), "\u{1f600}".repeat(200), "\"".repeat(200), "a ".repeat(100)];
    let short = [
        "\"",
        "' OR 1=1 --",
        "ann\" OR \"x",
        "NEAR(ann lee)",
        "words:x",
        "^*",
        "-",
        "{z}",
        "\0",
        "\u{e000}",
        "\u{e001}",
        "email",
        "phone",
        "@",
        "@@",
        "\u{202e}x",
        "ann AND NOT",
    ];
    let typed = long.iter().map(String::as_str).chain(short);
    for keyword in typed.filter(|keyword| !keyword.contains("ann") && !keyword.starts_with('a')) {
        check(&shop, keyword, &[]);
    }
    check(&shop, &long[3], &["Ann Lee"]);
    check(&shop, "ann\" OR \"x", &["Ann Lee"]);
    check(&shop, "ann AND NOT", &["Ann Lee"]);
}

#[test]
fn an_email_address_is_found_from_its_beginning_and_by_its_domain() {
    let shop = shop("S1", None, 1);
    let with = |last: &str, email: &str| {
        let customer = CustomerDraft { email: Some(email.into()), ..named("Ann", last).customer };
        CreateCustomer { customer, ..CreateCustomer::default() }
    };
    create(&shop, with("Lee", "a.lee+shop@Example.com"));
    create(&shop, with("Ray", "ray99@example.org"));
    for keyword in ["a.lee+shop@example.com", "a.lee+shop@ex", "@example.com"] {
        check(&shop, keyword, &["Ann Lee"]);
    }
    assert_eq!(found(&shop, "A.LEE+")[0], "Ann Lee");
    check(&shop, "@example", &["Ann Lee", "Ann Ray"]);
    check(&shop, "ray99", &["Ann Ray"]);
    check(&shop, "nobody ray99@example.org", &["Ann Ray"]);
    check(&shop, "example", &[]);
}

#[test]
fn a_whole_account_means_nobody_else_and_its_beginning_means_all() {
    let shop = shop("S1", None, 1);
    for last in ["C-1", "Other", "C-100"] {
        create(&shop, named("Ann", last));
    }
    let sql = "UPDATE customer SET account = 'C-' || (row * 100) WHERE row < 3";
    let numbered = shop.edge.db.write(move |connection| -> Result<(), DbError> {
        connection.execute_batch(sql)?;
        Ok(())
    });
    numbered.expect("are numbered");
    check(&shop, "C-100", &["Ann C-1"]);
    check(&shop, "c-100", &["Ann C-1"]);
    assert_eq!(found(&shop, "c-2")[0], "Ann Other");
    check(&shop, "C-", &["Ann C-1", "Ann C-100"]);
}
