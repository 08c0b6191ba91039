//! `/api/v1`: what operators and their tools ask of headquarters, one resource a file.
//!
//! Every body is a JSON twin defined here; the types of the use cases are never sent as they are.
//! Tools may rely on the twins: fields are added, never renamed or removed, within `v1`.

pub mod amounts;
pub mod audits;
pub mod configuration;
pub mod customers;
pub mod databases;
pub mod exclusion;
pub mod features;
pub mod groups;
pub mod history;
pub mod items;
pub mod jobs;
pub mod ledger;
pub mod nodes;
pub mod offline_profiles;
pub mod operations;
pub mod orders;
pub mod packages;
pub mod parameters;
pub mod postings;
pub mod profiles;
pub mod quarantine;
pub mod recovery;
pub mod repairs;
pub mod sequences;
pub mod sessions;
pub mod shifts;
pub mod staff;
pub mod statements;
pub mod status;
pub mod traces;
pub mod transactions;
pub mod why_not_here;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// What is on it, in the order of the list.
    pub items: Vec<T>,
    /// Where the next page begins: the value of the list's paging parameter. Absent on the last
    /// page.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The whole list in one page.
    pub(crate) fn whole(items: Vec<T>) -> Self {
        Page { items, next: None }
    }

    /// A page of a list that was asked for one item more than fits, to see whether there is more.
    pub(crate) fn cut(mut items: Vec<T>, size: usize, key: impl Fn(&T) -> String) -> Self {
        let has_more = items.len() > size;
        items.truncate(size);
        let next = items.last().filter(|_| has_more).map(key);
        Page { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_has_no_next() {
        let page = |items: &[u32], size| Page::cut(items.to_vec(), size, u32::to_string);
        assert_eq!(page(&[1, 2, 3], 2), Page { items: vec![1, 2], next: Some("2".into()) });
        assert_eq!(page(&[1, 2], 2), Page { items: vec![1, 2], next: None });
        assert_eq!(page(&[], 2), Page { items: vec![], next: None });
    }
}
