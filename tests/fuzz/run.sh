#!/usr/bin/env bash
# Fuzzes every parser of `targets.rs` for so many seconds each (60 without a number) by cargo-fuzz, one after the other, and keeps
# in tests/fixtures/corpus what goes new ways, in few and short files. An input that breaks a parser ends it and is named.
# Needs: cargo install cargo-fuzz. No sanitizer, as the program is safe Rust: any compiler will do.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-60}
export RUSTC_BOOTSTRAP=1
# What fuzzing begins with, and what it finds.
seeds=target/seeds found=target/found
rm -rf "$seeds" "$found"
# The same versions as the program's.
cp ../../Cargo.lock .
fuzz() { cargo fuzz "$1" --fuzz-dir . --sanitizer none "${@:2}"; }
fuzz build
cargo run --quiet --release --bin seeds -- "$seeds"
for file in fuzz_targets/*.rs; do
  name=$(basename "$file" .rs); name=${name/ntpd_rs/ntpd-rs}
  echo "== $name"
  mkdir -p "$found/$name"
  fuzz run "$name" "$found/$name" "$seeds/$name" -- \
    -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0
  # Of what it found only what goes where no seed does, the shortest first.
  fuzz run "$name" "$seeds/$name" "$found/$name" -- -merge=1 -verbosity=0
  find "$seeds/$name" -type f ! -name 'seed-*' -exec cp -t "../fixtures/corpus/$name" {} +
done
