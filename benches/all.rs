//! `cargo bench -p portcullis-bench`: see `docs/performance.md`.

fn main() -> std::process::ExitCode {
    portcullis_bench::main(env!("CARGO_BIN_EXE_portcullis-bench-count"))
}
