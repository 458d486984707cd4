//! Counts what one request allocates in one peer.

fn main() {
    portcullis_bench_peers::count(|work| allocation_counter::measure(work).count_total);
}
