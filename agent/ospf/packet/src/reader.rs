//! Reading big-endian fields in turn, with the offset for errors.

use std::net::Ipv4Addr;

use crate::{DecodeError, Fault, Item, RouterId};

/// A position in bytes that were received.
pub(crate) struct Reader<'a> {
    item: Item,
    bytes: &'a [u8],
    at: usize,
    /// Bytes in front of `bytes`, added to the offsets of errors.
    base: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(item: Item, bytes: &'a [u8], base: usize) -> Self {
        Self { item, bytes, at: 0, base }
    }

    /// An error at the current position.
    pub(crate) fn fail(&self, fault: Fault) -> DecodeError {
        DecodeError::new(self.item, self.base + self.at, fault)
    }

    /// An error in the field of `width` bytes that was read last.
    pub(crate) fn fail_last(&self, width: usize, fault: Fault) -> DecodeError {
        DecodeError::new(self.item, self.base + self.at - width, fault)
    }

    pub(crate) fn offset(&self) -> usize {
        self.base + self.at
    }

    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest().get(..count) {
            Some(taken) => {
                self.at += count;
                Ok(taken)
            }
            None => Err(DecodeError::new(self.item, self.base + self.bytes.len(), Fault::Truncated)),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.rest().first_chunk::<N>() {
            Some(taken) => {
                self.at += N;
                Ok(*taken)
            }
            None => Err(DecodeError::new(self.item, self.base + self.bytes.len(), Fault::Truncated)),
        }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn address(&mut self) -> Result<Ipv4Addr, DecodeError> {
        self.array::<4>().map(Ipv4Addr::from)
    }

    pub(crate) fn router_id(&mut self) -> Result<RouterId, DecodeError> {
        self.address().map(RouterId)
    }

    /// The prefix length of a contiguous network mask.
    pub(crate) fn mask(&mut self) -> Result<u8, DecodeError> {
        let mask = self.u32()?;
        let length = mask.leading_ones();
        if mask.count_ones() == length { Ok(length as u8) } else { Err(self.fail_last(4, Fault::Mask)) }
    }

    /// Nothing may be left.
    pub(crate) fn end(&self) -> Result<(), DecodeError> {
        if self.remaining() == 0 { Ok(()) } else { Err(self.fail(Fault::Trailing)) }
    }
}

/// The network mask of a prefix length, 0 to 32.
pub(crate) fn mask_bytes(length: u8) -> [u8; 4] {
    u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_lengths_and_back() {
        for length in 0..=32 {
            let bytes = mask_bytes(length);
            assert_eq!(Reader::new(Item::Hello, &bytes, 0).mask(), Ok(length));
        }
        let error = Reader::new(Item::Hello, &[255, 0, 255, 0], 24).mask().unwrap_err();
        assert_eq!((error.offset, error.fault), (24, Fault::Mask));
    }
}
