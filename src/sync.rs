//! `sync`: reads who holds what from Palette, and keeps it where replicas of the webhook find it.
//!
//! One process has Palette's key. It makes a snapshot of each whole, verified reading, compares it with the one before,
//! and swaps it whole or not at all. Nothing here judges.

mod change;
mod error;
mod hints;
mod keeper;
mod output;
mod read;
mod reading;
mod run;

pub use change::{Change, Changed, HolderKind, Renamed};
pub use error::SyncError;
pub use keeper::{KeepError, Keeper, Kept, Published};
pub use output::{Notes, Output, OutputError, OutputName};
pub use read::Reader;
pub use reading::{Grants, Joined, Reading, Uid};
pub use run::{SyncOptions, Syncer};
