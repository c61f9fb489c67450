//! Keeping the process small: a node runs one engine for each virtual network.

/// One heap for all threads: the few that open sockets in the namespace would get one each, for a moment's work.
pub(crate) fn one_heap() {
    mallopt(libc::M_ARENA_MAX, 1);
    // What is large comes from and goes back to the kernel by itself, and does not tear holes into the heap.
    mallopt(libc::M_MMAP_THRESHOLD, 64 * 1024);
    // Nor finds room at the heap's end by chance.
    mallopt(libc::M_TOP_PAD, 16 * 1024);
}

#[allow(unsafe_code)]
fn mallopt(parameter: i32, value: i32) {
    // SAFETY: it takes two numbers, and refuses those that it does not know.
    unsafe { libc::mallopt(parameter, value) };
}

/// Gives free memory back to the kernel: after the start, and after large changes.
#[allow(unsafe_code)]
pub(crate) fn trim() {
    // SAFETY: it takes the heap's lock, and touches nothing that is in use.
    unsafe { libc::malloc_trim(0) };
}
