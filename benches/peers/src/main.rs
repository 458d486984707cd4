//! Measures or serves one peer.

fn main() {
    portcullis_bench_peers::main();
}
