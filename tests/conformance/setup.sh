#!/bin/sh
# Installs the pinned typed client and server of the conformance test into node_modules beside this file.
# Does nothing if the same lock file is already installed for the same Node. Needs node and npm.
set -eu
cd "$(dirname "$0")"

say() { echo "conformance setup: $*" >&2; }

for tool in node npm; do
  command -v "$tool" >/dev/null || { say "$tool is missing; install it first"; exit 69; }
done

stamp=node_modules/.conformance-installed
want="$(node --version) $(sha256sum package-lock.json)"
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then
  exit 0
fi

install() {
  npm ci --ignore-scripts --no-audit --no-fund >&2
}

install || { say "retrying once"; install; } || { say "npm failed twice; see above"; exit 69; }
echo "$want" >"$stamp"
say "installed"
