//! Links the binary to a fixed address. One that may lie anywhere writes 400 KiB of pointers at each start, private memory that
//! every engine's process would pay for again; the price is that the kernel cannot place the program itself at random (the
//! heap, the stack and the libraries it still can).

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |key: &str, value: &str| std::env::var(key).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
