//! What happened, as a hash always and as text if wanted.

use std::{fmt::Display, io::Write};

use braid_world::RouterIndex;

use crate::router::{Digest, Router};

/// A running hash (FNV-1a) over all that goes into routers and comes out, and a file with a line for each.
#[derive(Default)]
pub struct Trace {
    hash: u64,
    file: Option<Box<dyn Write>>,
}

impl Trace {
    /// A trace that also writes lines. Lines that cannot be written are lost.
    #[must_use]
    pub fn to(file: Box<dyn Write>) -> Self {
        Self { hash: 0, file: Some(file) }
    }

    /// The hash over everything so far.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn line(&mut self, at_us: u64, what: &dyn Display) {
        self.number(at_us);
        self.write(at_us, what);
    }

    pub(crate) fn input<R: Router>(&mut self, at_us: u64, router: RouterIndex, input: &R::Input) {
        self.number(at_us);
        self.number(router.0 as u64);
        self.digest(R::input_digest(input));
        if self.file.is_some() {
            self.write(at_us, &format_args!("{router} < {}", R::input_text(input)));
        }
    }

    pub(crate) fn output<R: Router>(&mut self, at_us: u64, router: RouterIndex, output: &R::Output) {
        self.digest(R::output_digest(output));
        if self.file.is_some() {
            self.write(at_us, &format_args!("{router} > {}", R::output_text(output)));
        }
    }

    fn digest(&mut self, digest: Digest<'_>) {
        match digest {
            Digest::Bytes(bytes) => self.bytes(bytes),
            Digest::Number(number) => self.number(number),
            Digest::Nothing => {}
        }
    }

    fn write(&mut self, at_us: u64, what: &dyn Display) {
        if let Some(file) = &mut self.file {
            let _ = writeln!(file, "{}.{:06} {what}", at_us / 1_000_000, at_us % 1_000_000);
        }
    }

    fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
