//! Groups, stores and registers as headquarters lists them.

use expect_test::expect;

use crate::site::{check, headquarters_with_postings, tillsync};

#[test]
fn groups_and_databases_are_listed() {
    let folder = headquarters_with_postings();
    let check = |arguments, expected| check(&folder, arguments, expected);
    for arguments in [
        "hq add-group north --address-book retail --address-book web --mode scheduled",
        "hq add-channel WEB --group north",
        "hq add-register S1.R1 --channel S1",
    ] {
        let words: Vec<_> = arguments.split(' ').collect();
        let status = tillsync(folder.path(), &words).output().expect("the program starts").status;
        assert!(status.success(), "{arguments}");
    }
    check(
        "group list",
        expect![[r#"
        Group | Address books | Changes travel
        default | default | when jobs run
        north | retail, web | when jobs run
        exit 0
    "#]],
    );
    check(
        "group list --json",
        expect![[r#"
        [
          {
            "address_books": [
              "default"
            ],
            "id": "default",
            "mode": "scheduled"
          },
          {
            "address_books": [
              "retail",
              "web"
            ],
            "id": "north",
            "mode": "scheduled"
          }
        ]
        exit 0
    "#]],
    );
    check(
        "database list",
        expect![[r#"
        Database | Kind | Group | Channel | State | Last seen (UTC) | Pending | Unsent ⏎
        | Default customer
        S1 | channel | default | - | not enrolled | - | - | - | C-00000002
        S1.R1 | register | default | S1 | not enrolled | - | - | - | -
        WEB | channel | north | - | not enrolled | - | - | - | -
        exit 0
    "#]],
    );
    let mut listing = tillsync(folder.path(), &["database", "list", "--json"]);
    let output = listing.output().expect("the program starts");
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let of = |n: usize, field: &str| listed[n][field].clone();
    assert_eq!((of(0, "id"), of(0, "kind")), ("S1".into(), "channel".into()), "{listed:#}");
    assert_eq!((of(1, "id"), of(1, "channel")), ("S1.R1".into(), "S1".into()), "{listed:#}");
    assert_eq!((of(2, "group"), of(2, "is_present")), ("north".into(), false.into()));
}
