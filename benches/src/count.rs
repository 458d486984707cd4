//! The same cases under a counting allocator: prints what one operation allocates.

use allocation_counter::measure;
use portcullis_bench::Counted;

fn main() -> std::process::ExitCode {
    portcullis_bench::count(|work| {
        let info = measure(work);
        Counted {
            allocations: info.count_total,
            bytes: info.bytes_current,
            most_bytes: info.bytes_max,
        }
    })
}
