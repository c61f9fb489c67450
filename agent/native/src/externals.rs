//! External routes: what an engine was told of them, and the kernel routes that some of them are made from.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

/// A prefix, and what it is announced as from now on.
pub(crate) type Announcement<E> = (Ipv4Net, Option<E>);

/// The external routes of an engine.
pub(crate) struct Externals<E> {
    /// What the instance was told of.
    told: BTreeMap<Ipv4Net, E>,
    /// The protocols of kernel routes, while some are redistributed.
    kernel: BTreeMap<Ipv4Net, u8>,
}

impl<E: Clone + PartialEq> Externals<E> {
    pub(crate) fn new() -> Self {
        Self { told: BTreeMap::new(), kernel: BTreeMap::new() }
    }

    /// The best kernel route for a prefix is now one of this protocol, or there is none.
    pub(crate) fn set_kernel(&mut self, prefix: Ipv4Net, protocol: Option<u8>) {
        match protocol {
            Some(protocol) => self.kernel.insert(prefix, protocol),
            None => self.kernel.remove(&prefix),
        };
    }

    /// Nobody listens to kernel routes any more.
    pub(crate) fn forget_kernel(&mut self) {
        self.kernel.clear();
    }

    /// What differs from what the instance was told, when it should be `of_file` and those kernel routes that `rule` takes.
    /// It counts as told.
    pub(crate) fn changes(
        &mut self,
        of_file: BTreeMap<Ipv4Net, E>,
        rule: impl Fn(&Ipv4Net, u8) -> Option<E>,
    ) -> Vec<Announcement<E>> {
        let of_kernel = |(prefix, protocol): (&Ipv4Net, &u8)| Some((*prefix, rule(prefix, *protocol)?));
        let mut wanted: BTreeMap<Ipv4Net, E> = self.kernel.iter().filter_map(of_kernel).collect();
        wanted.extend(of_file);
        let told = std::mem::take(&mut self.told);
        let gone = told.keys().filter(|prefix| !wanted.contains_key(*prefix)).map(|prefix| (*prefix, None));
        let fresh = wanted.iter().filter(|(prefix, external)| told.get(*prefix) != Some(*external));
        let changes = gone.chain(fresh.map(|(prefix, external)| (*prefix, Some(external.clone())))).collect();
        self.told = wanted;
        changes
    }

    /// The same for one prefix, which `of_file` is about if it is in the file.
    pub(crate) fn change(
        &mut self,
        prefix: Ipv4Net,
        of_file: Option<E>,
        rule: impl Fn(&Ipv4Net, u8) -> Option<E>,
    ) -> Option<Announcement<E>> {
        let wanted =
            of_file.or_else(|| self.kernel.get(&prefix).and_then(|protocol| rule(&prefix, *protocol)));
        if self.told.get(&prefix) == wanted.as_ref() {
            return None;
        }
        match &wanted {
            Some(external) => self.told.insert(prefix, external.clone()),
            None => self.told.remove(&prefix),
        };
        Some((prefix, wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told_and_the_file_goes_before_the_kernel() {
        let net = |text: &str| -> Ipv4Net { text.parse().unwrap() };
        let static_only = |_: &Ipv4Net, protocol: u8| (protocol == 4).then_some(40);
        let mut externals = Externals::new();
        externals.set_kernel(net("10.1.0.0/16"), Some(4));
        externals.set_kernel(net("10.2.0.0/16"), Some(3));
        externals.set_kernel(net("10.3.0.0/16"), Some(4));
        let file = BTreeMap::from([(net("10.3.0.0/16"), 7)]);
        let wanted = [(net("10.1.0.0/16"), Some(40)), (net("10.3.0.0/16"), Some(7))];
        assert_eq!(externals.changes(file.clone(), static_only), wanted);
        assert_eq!(externals.changes(file, static_only), []);

        externals.set_kernel(net("10.1.0.0/16"), None);
        assert_eq!(externals.change(net("10.1.0.0/16"), None, static_only), Some((net("10.1.0.0/16"), None)));
        assert_eq!(externals.change(net("10.1.0.0/16"), None, static_only), None);
        assert_eq!(externals.change(net("10.3.0.0/16"), Some(7), static_only), None);
        externals.forget_kernel();
        assert_eq!(externals.changes(BTreeMap::new(), static_only), [(net("10.3.0.0/16"), None)]);
    }
}
