//! Which part of a result is wanted: `QueryResultSettings.Paging`.

use serde::Deserialize;
use tillsync_channel::search::{PAGE_MAX, Page};

use crate::odata::{Detail, ODataError};

/// The size of a page when none is asked for.
const PAGE_DEFAULT: u32 = 100;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Settings {
    paging: Option<Paging>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Paging {
    top: Option<u32>,
    skip: Option<u32>,
}

/// A body that says nothing but which part is wanted.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct OnlyPaging {
    #[serde(alias = "queryResultSettings")]
    pub(super) query_result_settings: Option<Settings>,
}

/// Reads `$top` and `$skip` of a query.
pub(super) fn page_of_query(query: Option<&str>) -> Result<Page, ODataError> {
    let mut paging = Paging::default();
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (name.trim_start_matches("%24").trim_start_matches('$'), value.parse().ok()) {
            ("top", Some(top)) => paging.top = Some(top),
            ("skip", Some(skip)) => paging.skip = Some(skip),
            _ => {
                let message = "only $top and $skip are known here, each with a whole number";
                return Err(ODataError::fields(vec![Detail::invalid(name, message)]));
            }
        }
    }
    page_of(Some(Settings { paging: Some(paging) }))
}

pub(super) fn page_of(settings: Option<Settings>) -> Result<Page, ODataError> {
    let paging = settings.unwrap_or_default().paging.unwrap_or_default();
    let (top, skip) = (paging.top.unwrap_or(PAGE_DEFAULT), paging.skip.unwrap_or(0));
    if top > PAGE_MAX {
        let message = format!("a page holds at most {PAGE_MAX} entries");
        let target = "QueryResultSettings.Paging.Top";
        return Err(ODataError::fields(vec![Detail::invalid(target, message)]));
    }
    Ok(Page { top, skip })
}
