//! Which connections are kept when there are too many.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::exchange::Exchange;

/// The places of open connections.
pub(super) struct ConnectionSlots {
    free: Arc<Semaphore>,
    taken: Arc<Taken>,
}

/// A connection's place, given back when dropped.
pub(super) struct ConnectionSlot {
    number: u64,
    exchange: Arc<Exchange>,
    wanted: CancellationToken,
    taken: Arc<Taken>,
    _permit: OwnedSemaphorePermit,
}

/// By the order in which they were taken.
#[derive(Default)]
struct Taken(Mutex<BTreeMap<u64, SlotHolder>>);

struct SlotHolder {
    network: IpAddr,
    exchange: Arc<Exchange>,
    wanted: CancellationToken,
}

impl ConnectionSlots {
    pub(super) fn new(count: NonZeroUsize) -> Self {
        let count = count.get().min(Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(count)),
            taken: Arc::default(),
        }
    }

    /// A place, for which another connection is asked to end when there is none: whoever opens connections and leaves
    /// them must not keep others out.
    pub(super) async fn take(&self, address: IpAddr) -> Option<ConnectionSlot> {
        let network = network(address);
        if self.free.available_permits() == 0 {
            self.taken.make_room(network);
        }
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        Some(self.taken.enter(network, permit))
    }
}

impl ConnectionSlot {
    /// What the connection is at.
    pub(super) fn exchange(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    /// Ends when the place is needed for another connection.
    pub(super) fn wanted(&self) -> WaitForCancellationFuture<'_> {
        self.wanted.cancelled()
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.taken.lock().remove(&self.number);
    }
}

impl Taken {
    fn enter(self: &Arc<Self>, network: IpAddr, permit: OwnedSemaphorePermit) -> ConnectionSlot {
        let exchange = Arc::new(Exchange::begin());
        let wanted = CancellationToken::new();
        let mut taken = self.lock();
        let number = taken.last_key_value().map_or(0, |(last, _)| last + 1);
        let holder = SlotHolder {
            network,
            exchange: Arc::clone(&exchange),
            wanted: wanted.clone(),
        };
        taken.insert(number, holder);
        drop(taken);
        ConnectionSlot {
            number,
            exchange,
            wanted,
            taken: Arc::clone(self),
            _permit: permit,
        }
    }

    /// Asks one connection to end: of the network that has most, that of the newcomer included, the one whose client is
    /// waited for longest, or else the oldest.
    ///
    /// So one address gets no more than its share where others come, and within an address whoever sends what it has is
    /// served before whoever does not.
    fn make_room(&self, newcomer: IpAddr) {
        let taken = self.lock();
        let mut held = HashMap::from([(newcomer, 1_usize)]);
        for holder in taken.values() {
            *held.entry(holder.network).or_default() += 1;
        }
        let now = Instant::now();
        let staying = taken.values().filter(|it| !it.wanted.is_cancelled());
        let gives_way = staying.rev().max_by_key(|holder| {
            let waited = holder.exchange.waits_since();
            (held.get(&holder.network), waited.map(|since| now - since))
        });
        if let Some(holder) = gives_way {
            holder.wanted.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, SlotHolder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever has one address of IPv6 has the 2⁶⁴ beside it.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(prefix))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn slots(count: usize) -> ConnectionSlots {
        ConnectionSlots::new(NonZeroUsize::new(count).unwrap())
    }

    async fn take(slots: &ConnectionSlots, address: &str) -> ConnectionSlot {
        slots.take(address.parse().unwrap()).await.unwrap()
    }

    /// Which of the connections are asked to end when one more comes from there.
    async fn asked(slots: &ConnectionSlots, open: &[ConnectionSlot], newcomer: &str) -> Vec<usize> {
        let more = slots.take(newcomer.parse().unwrap());
        let none = tokio::time::timeout(Duration::ZERO, more).await;
        assert!(none.is_err(), "there is a slot left");
        let is_asked = |index: &usize| open[*index].wanted.is_cancelled();
        (0..open.len()).filter(is_asked).collect()
    }

    #[tokio::test]
    async fn who_has_most_gives_way() {
        let slots = slots(3);
        let mut open = vec![take(&slots, "192.0.2.1").await];
        open.push(take(&slots, "192.0.2.9").await);
        open.push(take(&slots, "192.0.2.9").await);
        assert_eq!(asked(&slots, &open, "192.0.2.2").await, [1]);
    }

    #[tokio::test]
    async fn the_newcomer_counts_with_its_address() {
        let slots = slots(2);
        let mut open = vec![take(&slots, "192.0.2.1").await];
        open.push(take(&slots, "192.0.2.9").await);
        assert_eq!(asked(&slots, &open, "192.0.2.9").await, [1]);
    }

    #[tokio::test]
    async fn of_one_address_the_client_that_is_waited_for_longest_gives_way() {
        let slots = slots(3);
        let mut open = Vec::new();
        for _ in 0..3 {
            open.push(take(&slots, "192.0.2.1").await);
        }
        // The oldest has sent all of its request.
        open[0].exchange.bytes_came();
        open[0].exchange.headers_done();
        open[0].exchange.body_done();
        assert_eq!(asked(&slots, &open, "192.0.2.1").await, [1]);
        assert_eq!(asked(&slots, &open, "192.0.2.1").await, [1, 2]);
        assert_eq!(asked(&slots, &open, "192.0.2.1").await, [0, 1, 2]);
    }

    #[tokio::test]
    async fn a_place_that_is_given_back_is_taken_again() {
        let slots = slots(1);
        drop(take(&slots, "192.0.2.1").await);
        let again = take(&slots, "192.0.2.1").await;
        assert!(!again.wanted.is_cancelled());
        assert_eq!(slots.taken.lock().len(), 1);
    }

    #[test]
    fn an_address_is_as_much_as_one_machine_has() {
        let same = |one: &str, other: &str| {
            network(one.parse().unwrap()) == network(other.parse().unwrap())
        };
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }
}
