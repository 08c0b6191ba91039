//! Parameters: what somebody changed, one row each.

use serde_json::Value;
use tillsync_domain::statement::PostingMode;
use tillsync_domain::validation::Rule;
use tillsync_hq::storage::{ParameterReads, ParameterWrites, Parameters, StorageError};

use crate::columns::{Columns, to_json};
use crate::tx::PgTx;

const RULES_OFF: &str = "rules-off";
const POSTING_MODE: &str = "posting-mode";
const ORDER_HOLD_CODE: &str = "order-hold-code";
const ORDER_TRIES_MAX: &str = "order-tries-max";
const ORDER_WORKERS: &str = "order-workers";

impl ParameterReads for PgTx<'_> {
    fn parameters_get(&mut self) -> Result<Parameters, StorageError> {
        let doing = "read the parameters";
        let sql = "SELECT name, value FROM parameter ORDER BY name";
        let stored = self.read_all(sql, &[], doing, |row: &mut Columns<'_>| {
            Ok((row.value::<String>()?, row.json::<Value>()?))
        })?;
        let mut parameters = Parameters::default();
        for (name, value) in stored {
            if read_into(&mut parameters, &name, &value).is_none() {
                let value = format!("{name} = {value}");
                return Err(StorageError::Corrupt { doing, value });
            }
        }
        Ok(parameters)
    }
}

impl ParameterWrites for PgTx<'_> {
    fn parameters_put(&mut self, parameters: &Parameters) -> Result<(), StorageError> {
        let rules: Vec<_> = parameters.rules_off.iter().map(|rule| rule.as_str()).collect();
        let rows = [
            (RULES_OFF, to_json(&rules)),
            (POSTING_MODE, to_json(&parameters.posting_mode.as_str())),
            (ORDER_HOLD_CODE, to_json(&parameters.order_hold_code)),
            (ORDER_TRIES_MAX, to_json(&parameters.order_tries_max)),
            (ORDER_WORKERS, to_json(&parameters.order_workers)),
        ];
        let sql = "INSERT INTO parameter (name, value) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        for (name, value) in rows {
            self.change(sql, &[&name, &value], "store the parameters")?;
        }
        Ok(())
    }
}

/// Nothing when the value is none of the parameter's, or there is no such parameter.
fn read_into(parameters: &mut Parameters, name: &str, value: &Value) -> Option<()> {
    match name {
        RULES_OFF => {
            let rule = |name: &Value| name.as_str()?.parse::<Rule>().ok();
            parameters.rules_off = value.as_array()?.iter().map(rule).collect::<Option<_>>()?;
        }
        POSTING_MODE => {
            let named = |mode: &PostingMode| value.as_str() == Some(mode.as_str());
            parameters.posting_mode = PostingMode::ALL.into_iter().find(named)?;
        }
        ORDER_HOLD_CODE => {
            parameters.order_hold_code = match value {
                Value::Null => None,
                code => Some(code.as_str()?.to_owned()),
            };
        }
        ORDER_TRIES_MAX => parameters.order_tries_max = value.as_u64()?.try_into().ok()?,
        ORDER_WORKERS => parameters.order_workers = value.as_u64()?.try_into().ok()?,
        _ => return None,
    }
    Some(())
}
