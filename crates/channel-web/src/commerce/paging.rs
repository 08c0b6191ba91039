//! Which part of a result is wanted: `QueryResultSettings.Paging`.

use serde::Deserialize;
use serde_json::Value;
use tillsync_channel::search::{PAGE_MAX, Page};

use super::input::{Fields, Reader, is_empty};
use crate::odata::{Detail, ODataError};

/// The size of a page when none is asked for.
const PAGE_DEFAULT: u32 = 100;

/// What is asked of the result, besides what it is to hold.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Settings(Fields);

/// A body that says nothing but which part is wanted.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub(super) struct OnlyPaging {
    #[serde(alias = "queryResultSettings")]
    pub(super) query_result_settings: Option<Settings>,
}

/// Reads `$top` and `$skip` of a query.
pub(super) fn page_of_query(query: Option<&str>) -> Result<Page, ODataError> {
    let (mut top, mut skip) = (None, None);
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (name.trim_start_matches("%24").trim_start_matches('$'), value.parse().ok()) {
            ("top", Some(count)) => top = Some(count),
            ("skip", Some(count)) => skip = Some(count),
            _ => {
                let message = "only $top and $skip are known here, each with a whole number";
                return Err(ODataError::fields(vec![Detail::invalid(name, message)]));
            }
        }
    }
    page(top, skip)
}

/// Reads `QueryResultSettings`. What would give another result is refused where it is not known;
/// a count of the whole result may be asked for, and is left out.
pub(super) fn page_of(settings: Option<Settings>) -> Result<Page, ODataError> {
    let Settings(mut settings) = settings.unwrap_or_default();
    let mut reader = Reader::default();
    let path = "QueryResultSettings.Paging";
    let mut paging = match settings.remove("Paging") {
        None | Some(Value::Null) => Fields::new(),
        Some(Value::Object(paging)) => paging,
        Some(_) => {
            reader.refuse(path, "must be an object");
            Fields::new()
        }
    };
    let top = reader.number(&format!("{path}.Top"), paging.remove("Top"));
    let skip = reader.number(&format!("{path}.Skip"), paging.remove("Skip"));
    let count = "CalculateRecordCount";
    reader.flag(&format!("{path}.{count}"), paging.remove(count));
    reader.unknown(&format!("{path}."), &paging);
    if let Some(Value::Object(sorting)) = settings.get("Sorting")
        && sorting.values().all(is_empty)
    {
        settings.remove("Sorting");
    }
    reader.unknown("QueryResultSettings.", &settings);
    reader.finish(())?;
    page(top, skip)
}

fn page(top: Option<u32>, skip: Option<u32>) -> Result<Page, ODataError> {
    let (top, skip) = (top.unwrap_or(PAGE_DEFAULT), skip.unwrap_or(0));
    if top > PAGE_MAX {
        let message = format!("a page holds at most {PAGE_MAX} entries");
        let target = "QueryResultSettings.Paging.Top";
        return Err(ODataError::fields(vec![Detail::invalid(target, message)]));
    }
    Ok(Page { top, skip })
}
