//! Any body in an LSP with a right checksum: nothing panics, the quick readers tell what the TLVs tell, and what decodes is built
//! again to the same.
#![no_main]

use braid_fuzz::isis::seal_pdu;
use braid_isis_packet::{Authentication, Lsp, NewLsp, Tlv, tlv::code};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Lsp::decode(bytes);
    let Some(bytes) = seal_pdu(bytes) else { return };
    let Ok(lsp) = Lsp::decode(&bytes) else { return };
    let header = lsp.header();
    let _ = (lsp.to_string(), lsp.host_name(), lsp.illegal_in_purge(), lsp.interface_addresses().count());
    assert_eq!(Lsp::from_hex(&lsp.to_hex()).expect("its own hex"), lsp);
    assert_eq!(lsp.with_lifetime(7).with_lifetime(header.lifetime), lsp);
    assert!(lsp.is_purge() || lsp.same_content(&lsp.with_lifetime(7)));
    let tlvs: Vec<Tlv> = lsp.tlvs().collect();
    quick_readers(&lsp, &tlvs);
    let is_signed = lsp.raw_tlvs().any(|tlv| tlv.code == code::AUTHENTICATION);
    if lsp.is_purge() || is_signed {
        return;
    }
    let new = NewLsp {
        level: lsp.level(),
        id: lsp.id(),
        sequence: header.sequence,
        lifetime: header.lifetime,
        flags: lsp.flags(),
    };
    if let Ok(built) = Lsp::build(&new, &tlvs, &Authentication::None) {
        assert_eq!(built.tlvs().collect::<Vec<_>>(), tlvs, "{lsp}");
        assert_eq!(
            (built.id(), built.flags(), built.header().sequence),
            (lsp.id(), lsp.flags(), header.sequence)
        );
    }
});

/// Neighbours and prefixes, read without the way over TLVs.
fn quick_readers(lsp: &Lsp, tlvs: &[Tlv]) {
    let wide: usize =
        tlvs.iter().map(|tlv| if let Tlv::IsNeighbours(list) = tlv { list.len() } else { 0 }).sum();
    let narrow: usize =
        tlvs.iter().map(|tlv| if let Tlv::IsNeighboursNarrow(list) = tlv { list.len() } else { 0 }).sum();
    assert_eq!(lsp.neighbours().count(), wide + narrow, "{lsp}");
    let prefixes: usize = tlvs
        .iter()
        .map(|tlv| match tlv {
            Tlv::ExtendedIp(list) => list.len(),
            Tlv::InternalReach(list) | Tlv::ExternalReach(list) => list.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(lsp.prefixes().count(), prefixes, "{lsp}");
}
