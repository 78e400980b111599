#!/usr/bin/env bash
# Fuzzes every parser of `tests/parsers/targets.rs` by cargo-fuzz, one after the other, for so many seconds each: `run.sh [SECONDS [NAME…]]`,
# 60 and all of them unless said. What goes new ways is kept in tests/fixtures/corpus, in few and short files, where `tests/parsers.rs`
# replays it for ever: look at them with `git status` and keep what is worth it. An input that breaks a parser ends it and is named.
# Needs: cargo install cargo-fuzz. No sanitizer, as the program is safe Rust: any compiler will do.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-60}; names=("${@:2}")
target=../../target/fuzz
command -v cargo-fuzz >/dev/null || { echo "needs cargo-fuzz: cargo install cargo-fuzz --locked" >&2; exit 69; }
[ ${#names[@]} -gt 0 ] || for file in fuzz_targets/*.rs; do names+=("$(basename "$file" .rs)"); done
# What fuzzing begins with, and what it finds.
seeds=$target/seeds found=$target/found
rm -rf "$seeds" "$found"
fuzz() { cargo fuzz "$1" --fuzz-dir . --target-dir "$target" --sanitizer none --codegen-units 16 "${@:2}"; }
fuzz build
for name in "${names[@]}"; do
  name=${name//_/-}
  echo "== $name: $seconds s"
  mkdir -p "$found/$name" "$seeds/$name"
  BEACONDECK_SEEDS=$seeds fuzz run "$name" "$found/$name" "$seeds/$name" -- \
    -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0
  # Of what it found only what goes where no seed does, in the fewest files.
  fuzz run "$name" "$seeds/$name" "$found/$name" -- -set_cover_merge=1 -use_counters=0 -max_len=1024 -verbosity=0
  find "$seeds/$name" -type f ! -name 'seed-*' -exec cp -t "../fixtures/corpus/$name" {} +
done
