//! Bugs of promotion: aliases, addresses, numbers, who may see whom.

use super::Place::Headquarters;
use super::Triggers;

pub(super) const BUGS: &[Triggers] = &[
    Triggers {
        name: "forgets the alias",
        found_by: &["accounts", "customers kept"],
        place: Headquarters,
        sql: "DROP TRIGGER alias_is_kept;
            CREATE TRIGGER bug AFTER INSERT ON alias
            WHEN substr(hex(NEW.guid), -1) < '6' AND EXISTS (SELECT 1 FROM operation
                JOIN edge_database ON edge_database.id = operation.source
                WHERE operation.customer = NEW.guid) BEGIN
                DELETE FROM alias WHERE guid = NEW.guid;
            END;",
    },
    Triggers {
        name: "loses an address in promotion",
        found_by: &["addresses kept", "placement"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER INSERT ON address WHEN substr(hex(NEW.guid), -1) < '6' BEGIN
                DELETE FROM address WHERE guid = NEW.guid;
            END;",
    },
    Triggers {
        name: "gives an account to two customers",
        found_by: &["accounts", "customers kept", "doctor", "placement"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER INSERT ON customer
            WHEN substr(hex(NEW.guid), -1) < '6' BEGIN
                UPDATE customer SET account = (SELECT min(account) FROM alias)
                    WHERE guid = NEW.guid;
            END;",
    },
    Triggers {
        name: "leaves a gap in a continuous sequence",
        found_by: &["numbers"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER UPDATE OF next ON number_sequence
            WHEN NEW.next > OLD.next AND NEW.next % 3 = 0 AND NEW.block_size IS NULL BEGIN
                UPDATE number_sequence SET next = next + 1 WHERE name = NEW.name;
            END;",
    },
    Triggers {
        name: "draws a number again",
        found_by: &["numbers", "accounts", "doctor", "rest"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER UPDATE OF next ON number_sequence
            WHEN NEW.next > OLD.next AND NEW.name = 'sales-order' BEGIN
                UPDATE number_sequence SET next = OLD.next WHERE name = NEW.name;
            END;",
    },
    Triggers {
        name: "sends a customer to groups that share no address book with it",
        found_by: &["placement"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER INSERT ON customer_address_book BEGIN
                INSERT OR IGNORE INTO customer_address_book
                    SELECT NEW.customer, book FROM group_address_book;
            END;",
    },
    Triggers {
        name: "a change of a customer raises no version",
        found_by: &["addresses kept", "placement"],
        place: Headquarters,
        sql: "CREATE TRIGGER bug AFTER UPDATE OF version ON customer BEGIN
                UPDATE customer SET version = OLD.version WHERE guid = NEW.guid;
            END;",
    },
];
