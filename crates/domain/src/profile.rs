//! Functionality profiles: how the tills of a store create customers and orders
//! (`domain.md` 3.1, 6.1 and 8.1).

use std::fmt;

/// What a functionality profile says. The default is what a new profile says at headquarters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionalityProfile {
    /// Whether customers are created without asking headquarters, even when it could be reached
    /// (F02).
    pub create_customers_async: bool,
    /// Whether a till that is offline may create customers at all.
    pub allow_offline_customer_create: bool,
    /// Whether orders are taken without asking headquarters, even when it could be reached (F50).
    pub create_orders_async: bool,
}

/// The name of the profile that a channel has until it is given another one.
pub const DEFAULT_PROFILE: &str = "default";

impl Default for FunctionalityProfile {
    /// Customers are created through headquarters while it can be reached (F01). Orders are not:
    /// an order that a store has written down is as good as one that headquarters has, and nobody
    /// is sent away while a line is down.
    fn default() -> Self {
        FunctionalityProfile {
            create_customers_async: false,
            allow_offline_customer_create: true,
            create_orders_async: true,
        }
    }
}

impl FunctionalityProfile {
    /// How a database works to which no profile was ever distributed: it asks nobody (F46).
    pub const UNTIL_DISTRIBUTED: FunctionalityProfile = FunctionalityProfile {
        create_customers_async: true,
        allow_offline_customer_create: true,
        create_orders_async: true,
    };
}

/// Whether the one who creates a customer can reach those whom it has to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Headquarters may be asked. It need not answer.
    Online,
    /// A register that is cut off from its store, or switched to offline.
    Offline {
        /// Whether shared customer data is kept from offline databases: then nothing may be
        /// written there either (F53).
        is_filtered: bool,
    },
}

/// How a customer comes into being.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// Headquarters is asked, and answers with an account. When the way to it fails, the customer
    /// is created all the same, as [`Creation::Asynchronous`] (F06). When it refuses, nothing is
    /// created (F07).
    Synchronous,
    /// The customer is written down here, under a temporary GUID.
    Asynchronous,
    /// Nothing is created.
    Refused(NotHere),
}

/// Why no customer is created here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotHere {
    /// The profile forbids it.
    #[error(
        "this till is offline, and its functionality profile allows no customers to be created \
         offline; create the customer when the till is online again"
    )]
    OfflineForbidden,
    /// Customer data is kept from offline databases.
    #[error(
        "this till is offline, and customer data is excluded from its offline database; create \
         the customer when the till is online again"
    )]
    OfflineFiltered,
}

impl NotHere {
    /// A stable name for programs.
    pub fn code(self) -> &'static str {
        match self {
            NotHere::OfflineForbidden => "offline_create_forbidden",
            NotHere::OfflineFiltered => "offline_create_filtered",
        }
    }
}

/// The truth table of `domain.md` 6.1.
pub fn creation(profile: &FunctionalityProfile, line: Line) -> Creation {
    match line {
        Line::Online if profile.create_customers_async => Creation::Asynchronous,
        Line::Online => Creation::Synchronous,
        Line::Offline { is_filtered: true } => Creation::Refused(NotHere::OfflineFiltered),
        Line::Offline { .. } if !profile.allow_offline_customer_create => {
            Creation::Refused(NotHere::OfflineForbidden)
        }
        Line::Offline { .. } => Creation::Asynchronous,
    }
}

/// How a customer order is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderTaking {
    /// Headquarters is asked, and answers with a sales order. When it refuses or does not answer,
    /// nothing is recorded: the order can be taken later, or the profile changed.
    Synchronous,
    /// The order is written down here, and gets its sales order once it has come up.
    Asynchronous,
    /// Headquarters would have to be asked, and this till is offline.
    Refused(NoOrderOffline),
}

/// Why no order is taken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this till is offline, and its functionality profile takes customer orders through \
     headquarters only; take the order when the till is online again, or have the profile take \
     orders asynchronously"
)]
pub struct NoOrderOffline;

impl NoOrderOffline {
    /// A stable name for programs.
    pub fn code(self) -> &'static str {
        "offline_order_forbidden"
    }
}

/// How the profile has orders taken (F50): it alone decides, not the state of the line
/// (`domain.md` 8.1).
pub fn order_taking(profile: &FunctionalityProfile, line: Line) -> OrderTaking {
    match line {
        _ if profile.create_orders_async => OrderTaking::Asynchronous,
        Line::Online => OrderTaking::Synchronous,
        Line::Offline { .. } => OrderTaking::Refused(NoOrderOffline),
    }
}

/// One setting of a profile, as people name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProfileOption {
    /// See [`FunctionalityProfile::create_customers_async`].
    CreateCustomersAsync,
    /// See [`FunctionalityProfile::allow_offline_customer_create`].
    AllowOfflineCustomerCreate,
    /// See [`FunctionalityProfile::create_orders_async`].
    CreateOrdersAsync,
}

impl ProfileOption {
    /// Every option.
    pub const ALL: [ProfileOption; 3] = [
        ProfileOption::CreateCustomersAsync,
        ProfileOption::AllowOfflineCustomerCreate,
        ProfileOption::CreateOrdersAsync,
    ];

    /// The name in commands, bodies and packages.
    pub fn as_str(self) -> &'static str {
        match self {
            ProfileOption::CreateCustomersAsync => "create_customers_async",
            ProfileOption::AllowOfflineCustomerCreate => "allow_offline_customer_create",
            ProfileOption::CreateOrdersAsync => "create_orders_async",
        }
    }

    /// Sets it.
    pub fn set(self, profile: &mut FunctionalityProfile, value: bool) {
        match self {
            ProfileOption::CreateCustomersAsync => profile.create_customers_async = value,
            ProfileOption::AllowOfflineCustomerCreate => {
                profile.allow_offline_customer_create = value;
            }
            ProfileOption::CreateOrdersAsync => profile.create_orders_async = value,
        }
    }

    /// What a profile says of it.
    pub fn of(self, profile: &FunctionalityProfile) -> bool {
        match self {
            ProfileOption::CreateCustomersAsync => profile.create_customers_async,
            ProfileOption::AllowOfflineCustomerCreate => profile.allow_offline_customer_create,
            ProfileOption::CreateOrdersAsync => profile.create_orders_async,
        }
    }
}

impl fmt::Display for ProfileOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFLINE: Line = Line::Offline { is_filtered: false };
    const FILTERED: Line = Line::Offline { is_filtered: true };

    #[test]
    fn each_cell_of_the_truth_table_is_as_published() {
        let asks = FunctionalityProfile::default();
        let asks_nobody = FunctionalityProfile { create_customers_async: true, ..asks };
        for (profile, line, expected) in [
            (asks, Line::Online, Creation::Synchronous),
            (asks_nobody, Line::Online, Creation::Asynchronous),
            (asks, OFFLINE, Creation::Asynchronous),
            (asks_nobody, OFFLINE, Creation::Asynchronous),
            (asks, FILTERED, Creation::Refused(NotHere::OfflineFiltered)),
            (asks_nobody, FILTERED, Creation::Refused(NotHere::OfflineFiltered)),
        ] {
            assert_eq!(creation(&profile, line), expected, "{profile:?} {line:?}");
        }
    }

    #[test]
    fn orders_are_taken_as_the_profile_says_whatever_the_line_is() {
        let asks_nobody = FunctionalityProfile::default();
        let asks = FunctionalityProfile { create_orders_async: false, ..asks_nobody };
        for line in [Line::Online, OFFLINE, FILTERED] {
            assert_eq!(order_taking(&asks_nobody, line), OrderTaking::Asynchronous, "{line:?}");
        }
        assert_eq!(order_taking(&asks, Line::Online), OrderTaking::Synchronous);
        for line in [OFFLINE, FILTERED] {
            let refused = OrderTaking::Refused(NoOrderOffline);
            assert_eq!(order_taking(&asks, line), refused, "{line:?}");
        }
    }

    #[test]
    fn an_option_is_set_alone() {
        for option in ProfileOption::ALL {
            let mut profile = FunctionalityProfile::default();
            option.set(&mut profile, !option.of(&FunctionalityProfile::default()));
            for other in ProfileOption::ALL {
                let is_same = other.of(&profile) == other.of(&FunctionalityProfile::default());
                assert_eq!(is_same, other != option, "{option}: {other}");
            }
        }
    }

    #[test]
    fn a_profile_may_forbid_customers_to_be_created_offline() {
        let forbids = FunctionalityProfile {
            allow_offline_customer_create: false,
            ..FunctionalityProfile::default()
        };
        let refused = Creation::Refused(NotHere::OfflineForbidden);
        assert_eq!(creation(&forbids, OFFLINE), refused);
        assert_eq!(creation(&forbids, Line::Online), Creation::Synchronous);
    }
}
