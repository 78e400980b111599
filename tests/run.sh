#!/usr/bin/env bash
# Installs what the tests need (Debian or Ubuntu, Rust present) and runs all of them. Ends non-zero at the first failure.
# `bash tests/run.sh quick` leaves out what comes from npm, the devnet and the conformance test, and the benchmark.
set -euo pipefail
cd "$(dirname "$0")/.."
quick=${1:-all}

say() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }
twice() { "$@" || { echo "failed, trying once more: $*" >&2; sleep 5; "$@"; }; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

say "what the tests need"
missing=()
{ command -v cc && command -v make; } >/dev/null || missing+=(build-essential)
command -v haproxy >/dev/null || [ -x /usr/sbin/haproxy ] || missing+=(haproxy)
command -v nft >/dev/null || [ -x /usr/sbin/nft ] || missing+=(nftables)
command -v chronyd >/dev/null || [ -x /usr/sbin/chronyd ] || missing+=(chrony)
command -v faketime >/dev/null || missing+=(faketime)
command -v promtool >/dev/null || missing+=(prometheus)
command -v prometheus-alertmanager >/dev/null || command -v alertmanager >/dev/null || missing+=(prometheus-alertmanager)
command -v node >/dev/null || missing+=(nodejs npm)
[ -x /lib/systemd/systemd ] || missing+=(systemd)
command -v dbus-daemon >/dev/null || missing+=(dbus)
[ -x /usr/lib/polkit-1/polkitd ] || missing+=(polkitd)
command -v tmux >/dev/null || missing+=(tmux)
if [ ${#missing[@]} -gt 0 ]; then
  twice as_root apt-get update -q
  twice as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
fi
command -v cargo-nextest >/dev/null || twice cargo install cargo-nextest --locked
if [ "$quick" = all ]; then
  bash tests/devnet/setup.sh
  bash tests/conformance/setup.sh
fi
twice cargo fetch --locked

say "format"
cargo fmt --check

say "clippy"
cargo clippy --locked --all-targets -- -D warnings

say "tests"
threads=$((2 * $(nproc)))
if [ "$quick" = all ]; then cargo nextest run --locked --test-threads "$threads" -E 'not binary(devnet)'
else cargo nextest run --locked --test-threads "$threads" -E 'not (binary(devnet) or binary(conformance))'; fi

say "documentation and its tests"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items
cargo test --locked --doc

say "shipped files"
built=${CARGO_TARGET_DIR:-target}/debug/beacondeck
$built check --fleet fleet.example.yaml
$built demo healthy --seconds 10

if [ "$quick" = all ]; then
  say "devnet: four real beacon nodes, 64 real validators"
  # Slots of four seconds leave four beacon nodes on two cores room to breathe; the default of three is for measuring.
  BEACONDECK_DEVNET_SLOT_SECONDS=4 cargo nextest run --locked -E 'binary(devnet)' --no-capture
  say "benchmark smoke"
  # Shows that it runs; its figures are those of a debug build.
  for bench in router console incidents ledger; do
    cargo bench --locked --profile dev --bench $bench -- --smoke
  done
fi
say "all passed"
