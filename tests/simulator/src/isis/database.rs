//! The rules of a level's link-state database (ISO 10589 §7.3).

use braid_isis::Instance;
use braid_isis_packet::Level;

use crate::check::{ensure, fletcher_holds};

/// Bytes before the LSP id, where the checksum starts (ISO 10589 §7.3.11): neither header nor lifetime are part of it.
pub const LSP_ID: usize = 12;

/// Checks a router's databases: every LSP intact, of that level, under its own id, and no more than the limits allow. Gives their
/// number.
///
/// # Errors
/// The first broken rule.
pub fn check(router: &Instance) -> Result<usize, String> {
    let (config, mut count) = (router.config(), 0);
    for level in Level::ALL {
        let database = router.database(level);
        let (mut lsps, mut bytes) = (0, 0);
        for (id, entry) in database.iter() {
            let wrong = |what: &str| format!("database of {level}: {id}: {what}");
            let lsp = &entry.lsp;
            ensure(lsp.header().id == *id, || wrong("under another's id"))?;
            ensure(lsp.level() == level, || wrong("of another level"))?;
            ensure(entry.is_purged() || fletcher_holds(&lsp.bytes()[LSP_ID..]), || wrong("wrong checksum"))?;
            ensure(lsp.header().sequence > 0 || entry.is_purged(), || wrong("sequence number 0"))?;
            lsps += 1;
            bytes += lsp.bytes().len();
        }
        let wrong = |what: &str| format!("database of {level}: {what}");
        ensure((lsps, bytes) == (database.len(), database.bytes()), || wrong("it does not know its size"))?;
        ensure(lsps == 0 || config.has_level(level), || {
            wrong("LSPs of a level that the router does not have")
        })?;
        ensure(lsps <= config.limits.lsps && bytes <= config.limits.lsp_bytes, || {
            wrong("more than the limit")
        })?;
        count += lsps;
    }
    for circuit in router.circuits() {
        for level in Level::ALL {
            let neighbours = circuit.neighbours(level).count();
            ensure(neighbours <= config.limits.adjacencies, || {
                format!("{neighbours} neighbours on a circuit")
            })?;
        }
    }
    Ok(count)
}
