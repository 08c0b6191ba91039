//! Feature switches and which of them need which (`domain.md` 8.2). One set holds for all channels;
//! it reaches them by job 1110.

use std::fmt;
use std::str::FromStr;

/// A switch of the reference system that this one knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// Performance improvements for customer orders and customer transactions. Mandatory.
    CustomerPerformance,
    /// Enable enhanced async customer creation (F34, F35, F36).
    EnhancedAsyncCreation,
    /// Enable asynchronous creation for customer addresses (F25).
    AsyncAddressCreation,
    /// Enable editing customers in asynchronous mode (F32, F41).
    AsyncCustomerEditing,
    /// Capture multiple emails and phone numbers and consent for marketing on these contacts (F36).
    CaptureMultipleContacts,
}

/// A text that names no feature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no feature {0:?}; the features are customer_performance, enhanced_async_creation, \
     async_address_creation, async_customer_editing and capture_multiple_contacts"
)]
pub struct UnknownFeature(pub String);

impl Feature {
    /// Every feature, those that others need first.
    pub const ALL: [Feature; 5] = [
        Feature::CustomerPerformance,
        Feature::EnhancedAsyncCreation,
        Feature::AsyncAddressCreation,
        Feature::AsyncCustomerEditing,
        Feature::CaptureMultipleContacts,
    ];

    /// The name in commands, bodies, databases and packages.
    pub fn as_str(self) -> &'static str {
        match self {
            Feature::CustomerPerformance => "customer_performance",
            Feature::EnhancedAsyncCreation => "enhanced_async_creation",
            Feature::AsyncAddressCreation => "async_address_creation",
            Feature::AsyncCustomerEditing => "async_customer_editing",
            Feature::CaptureMultipleContacts => "capture_multiple_contacts",
        }
    }

    /// The name under which the reference system shows it.
    pub fn title(self) -> &'static str {
        match self {
            Feature::CustomerPerformance => {
                "Performance improvements for customer orders and customer transactions"
            }
            Feature::EnhancedAsyncCreation => "Enable enhanced async customer creation",
            Feature::AsyncAddressCreation => "Enable asynchronous creation for customer addresses",
            Feature::AsyncCustomerEditing => "Enable editing customers in asynchronous mode",
            Feature::CaptureMultipleContacts => {
                "Capture multiple emails and phone numbers and consent for marketing on these \
                 contacts"
            }
        }
    }

    /// What has to be on before this can be (F45).
    pub fn needs(self) -> &'static [Feature] {
        match self {
            Feature::AsyncCustomerEditing => &[
                Feature::CustomerPerformance,
                Feature::EnhancedAsyncCreation,
                Feature::AsyncAddressCreation,
            ],
            Feature::CustomerPerformance
            | Feature::EnhancedAsyncCreation
            | Feature::AsyncAddressCreation
            | Feature::CaptureMultipleContacts => &[],
        }
    }

    /// Whether it can not be switched off.
    pub fn is_mandatory(self) -> bool {
        self == Feature::CustomerPerformance
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Feature {
    type Err = UnknownFeature;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Feature::ALL
            .into_iter()
            .find(|feature| feature.as_str() == text)
            .ok_or_else(|| UnknownFeature(text.to_owned()))
    }
}

/// Which features are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features([bool; Feature::ALL.len()]);

impl Features {
    /// How a chain works in which nobody ever set a feature: everything is allowed (F46). The first
    /// one that is set changes that one alone.
    pub const UNTIL_CONFIGURED: Features = Features([true; Feature::ALL.len()]);

    /// Whether one is on.
    pub fn has(&self, feature: Feature) -> bool {
        feature.is_mandatory() || self.0[feature as usize]
    }

    /// The same with one on or off, whatever it needs: for what was decided elsewhere.
    #[must_use]
    pub fn set(mut self, feature: Feature, is_enabled: bool) -> Self {
        self.0[feature as usize] = is_enabled;
        self
    }

    /// The same with one on or off, if the others allow it (F45).
    ///
    /// # Errors
    /// It needs features that are off, or is needed by some that are on, or is mandatory.
    pub fn switched(self, feature: Feature, is_enabled: bool) -> Result<Self, NotSwitched> {
        if is_enabled {
            let missing = feature.needs().iter().copied().filter(|needed| !self.has(*needed));
            let missing: Vec<_> = missing.collect();
            if !missing.is_empty() {
                return Err(NotSwitched::Missing { feature, missing: FeatureList(missing) });
            }
        } else {
            if feature.is_mandatory() {
                return Err(NotSwitched::Mandatory(feature));
            }
            let needs_it = |other: &Feature| self.has(*other) && other.needs().contains(&feature);
            let needed_by: Vec<_> = Feature::ALL.into_iter().filter(needs_it).collect();
            if !needed_by.is_empty() {
                return Err(NotSwitched::Needed { feature, needed_by: FeatureList(needed_by) });
            }
        }
        Ok(self.set(feature, is_enabled))
    }
}

/// Features in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureList(pub Vec<Feature>);

impl fmt::Display for FeatureList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, feature) in self.0.iter().enumerate() {
            let before = match place {
                0 => "",
                _ if place + 1 == self.0.len() => " and ",
                _ => ", ",
            };
            write!(f, "{before}{feature}")?;
        }
        Ok(())
    }
}

/// Why a feature was not switched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSwitched {
    /// It is too early.
    #[error("{feature} cannot be enabled: enable {missing} first")]
    Missing {
        /// What was to be enabled.
        feature: Feature,
        /// What it needs and is off.
        missing: FeatureList,
    },
    /// Others would not work without it.
    #[error("{feature} cannot be disabled: disable {needed_by} first, which needs it")]
    Needed {
        /// What was to be disabled.
        feature: Feature,
        /// What is on and needs it.
        needed_by: FeatureList,
    },
    /// It is always on.
    #[error("{0} cannot be disabled: it is mandatory")]
    Mandatory(Feature),
}

/// Why something is not done here: its feature is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SwitchedOff {
    /// An address for somebody who has no account yet (F25).
    #[error(
        "this customer has no account yet, and the feature async_address_creation is off; add the \
         address when the customer has its account, or let somebody enable the feature at \
         headquarters"
    )]
    AddressOfPending,
}

impl SwitchedOff {
    /// A stable name for programs.
    pub fn code(self) -> &'static str {
        match self {
            SwitchedOff::AddressOfPending => "async_address_creation_off",
        }
    }
}

/// Whether an address may be added to a customer that exists already (F25).
///
/// An address that a customer is created with is part of the creation and always taken.
///
/// # Errors
/// The customer is pending and the feature is off.
pub fn may_add_address(features: &Features, is_pending: bool) -> Result<(), SwitchedOff> {
    if is_pending && !features.has(Feature::AsyncAddressCreation) {
        return Err(SwitchedOff::AddressOfPending);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything off that can be.
    fn bare() -> Features {
        Feature::ALL.into_iter().fold(Features::UNTIL_CONFIGURED, |it, one| it.set(one, false))
    }

    #[test]
    fn editing_is_enabled_only_after_what_it_needs_and_the_missing_are_named() {
        let early = bare().switched(Feature::AsyncCustomerEditing, true).expect_err("is too early");
        assert_eq!(
            early.to_string(),
            "async_customer_editing cannot be enabled: enable enhanced_async_creation and \
             async_address_creation first"
        );
        let mut features = bare();
        for feature in [
            Feature::EnhancedAsyncCreation,
            Feature::AsyncAddressCreation,
            Feature::AsyncCustomerEditing,
        ] {
            features = features.switched(feature, true).expect("in this order");
            assert!(features.has(feature));
        }
    }

    #[test]
    fn what_another_needs_stays_on_and_what_is_mandatory_always_does() {
        let all = Features::UNTIL_CONFIGURED;
        let refused = all.switched(Feature::AsyncAddressCreation, false).expect_err("is needed");
        assert_eq!(
            refused.to_string(),
            "async_address_creation cannot be disabled: disable async_customer_editing first, \
             which needs it"
        );
        let mandatory = Feature::CustomerPerformance;
        assert_eq!(all.switched(mandatory, false), Err(NotSwitched::Mandatory(mandatory)));
        assert!(bare().has(mandatory));
        let without = all.switched(Feature::AsyncCustomerEditing, false).expect("nobody needs it");
        assert!(without.switched(Feature::AsyncAddressCreation, false).is_ok());
    }

    /// From any set that the rules allow, one step leads to another such set.
    #[test]
    fn no_series_of_switches_leaves_a_feature_on_without_what_it_needs() {
        let keeps_the_rules = |features: &Features| {
            Feature::ALL
                .into_iter()
                .filter(|feature| features.has(*feature))
                .all(|feature| feature.needs().iter().all(|needed| features.has(*needed)))
        };
        let mut seen = vec![Features::UNTIL_CONFIGURED];
        let mut next = 0;
        while next < seen.len() {
            let features = seen[next];
            next += 1;
            assert!(keeps_the_rules(&features), "{features:?}");
            for (feature, on) in Feature::ALL.into_iter().flat_map(|it| [(it, true), (it, false)]) {
                if let Ok(other) = features.switched(feature, on)
                    && !seen.contains(&other)
                {
                    seen.push(other);
                }
            }
        }
        assert_eq!(seen.len(), 2 * 5, "contacts by themselves, and what editing allows");
    }

    #[test]
    fn only_an_address_for_a_pending_customer_needs_its_feature() {
        for (features, is_pending, expected) in [
            (Features::UNTIL_CONFIGURED, true, Ok(())),
            (Features::UNTIL_CONFIGURED, false, Ok(())),
            (bare(), false, Ok(())),
            (bare(), true, Err(SwitchedOff::AddressOfPending)),
        ] {
            assert_eq!(may_add_address(&features, is_pending), expected);
        }
    }

    #[test]
    fn every_code_parses_back() {
        for feature in Feature::ALL {
            assert_eq!(feature.as_str().parse(), Ok(feature));
        }
        assert_eq!("cloud_search".parse::<Feature>(), Err(UnknownFeature("cloud_search".into())));
    }
}
