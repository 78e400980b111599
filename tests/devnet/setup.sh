#!/bin/sh
# Installs the pinned Lodestar 1.5.1 of the devnet tests into node_modules beside this file.
# Does nothing if the same lock file is already installed for the same Node. Needs node, npm, a C++ compiler;
# for the fault `no peers` also root and nft, which it installs with apt if it can.
set -eu
cd "$(dirname "$0")"

say() { echo "devnet setup: $*" >&2; }

for tool in node npm setpriv; do
  command -v "$tool" >/dev/null || { say "$tool is missing; install it first"; exit 69; }
done

if ! command -v nft >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get install -y --no-install-recommends nftables >&2 ||
    say "nft could not be installed; the fault 'no peers' will be skipped"
fi

stamp=node_modules/.devnet-installed
want="$(node --version) $(sha256sum package-lock.json)"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then
  exit 0
fi

# Native modules compile against the headers that came with this node, where they did; else npm downloads them.
prefix="$(node -p 'require("path").resolve(process.execPath, "..", "..")')"
if [ -f "$prefix/include/node/node.h" ]; then
  export npm_config_nodedir="$prefix"
fi

install() {
  npm ci --ignore-scripts --no-audit --no-fund >&2 && npm rebuild snappy bcrypto >&2
}

install || { say "retrying once"; install; } || { say "npm failed twice; see above"; exit 69; }
echo "$want" >"$stamp"
say "installed"
