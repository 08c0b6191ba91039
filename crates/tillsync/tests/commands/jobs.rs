//! What `tillsync job` prints.

use expect_test::expect;

use super::{check, headquarters};

#[test]
fn every_job_is_listed() {
    let folder = headquarters();
    check(
        folder.path(),
        "job list --data-dir .",
        expect![[r#"
            ┌──────────────────────────┬──────────────────────────────────────────────────── ⏎
            ─────────┬──────────────────┬──────────┬───────────┐
            │ Job                      ┆ What it does                                       ⏎
                     ┆ Recurrence (UTC) ┆ Last run ┆ Outcome   │
            ╞══════════════════════════╪════════════════════════════════════════════════════ ⏎
            ═════════╪══════════════════╪══════════╪═══════════╡
            │ 1070                     ┆ Channel configuration                              ⏎
                     ┆ none             ┆ -        ┆ never ran │
            │ 1090                     ┆ Registers                                          ⏎
                     ┆ none             ┆ -        ┆ never ran │
            │ 1110                     ┆ Global configuration                               ⏎
                     ┆ none             ┆ -        ┆ never ran │
            │ 1060                     ┆ Staff                                              ⏎
                     ┆ none             ┆ -        ┆ never ran │
            │ 1040                     ┆ Products                                           ⏎
                     ┆ none             ┆ -        ┆ never ran │
            │ P-0001                   ┆ Upload channel transactions and asynchronous ⏎
            customers      ┆ none             ┆ -        ┆ never ran │
            │ synchronize-customers    ┆ Synchronize customers and business partners from ⏎
            async mode ┆ none             ┆ -        ┆ never ran │
            │ 1010                     ┆ Customers                                          ⏎
                     ┆ none             ┆ -        ┆ never ran │
            │ synchronize-orders       ┆ Synchronize orders                                 ⏎
                     ┆ none             ┆ -        ┆ never ran │
            │ validate-transactions    ┆ Validate store transactions                        ⏎
                     ┆ none             ┆ -        ┆ never ran │
            │ transactional-statements ┆ Post transactional statements                      ⏎
                     ┆ none             ┆ -        ┆ never ran │
            │ financial-statements     ┆ Post financial statements                          ⏎
                     ┆ none             ┆ -        ┆ never ran │
            │ classic-statements       ┆ Post statements                                    ⏎
                     ┆ none             ┆ -        ┆ never ran │
            └──────────────────────────┴──────────────────────────────────────────────────── ⏎
            ─────────┴──────────────────┴──────────┴───────────┘
            exit 0
        "#]],
    );
}
