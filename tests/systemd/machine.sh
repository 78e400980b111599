#!/usr/bin/env bash
# PID 1 of a namespace: lays files of its own over the machine's, installs beacondeck as its README says, and becomes systemd.
# machine.sh PROGRAM FLEET_FILE DROP_IN
set -euo pipefail
program=$1 fleet=$(cat "$2") drop_in=$(cat "$3")

mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
# Users and units are written here; the machine's own /etc stays as it is.
mkdir /run/etc /run/program
cp -a /etc/. /run/etc/
touch /run/program/beacondeck
mount --bind "$program" /run/program/beacondeck
mount --bind /run/etc /etc
for place in /tmp /var/tmp /var/log /var/lib /var/cache /usr/local/bin; do
  mount -t tmpfs -o mode=755 tmpfs "$place"
done
chmod 1777 /tmp /var/tmp
touch /usr/local/bin/beacondeck
mount --bind /run/program/beacondeck /usr/local/bin/beacondeck
rm -rf /etc/systemd/system/*.wants /etc/systemd/system/*.requires

# Each file goes where its first line says.
for part in sysusers tmpfiles polkit service; do
  text=$(beacondeck print unit "$part")
  path=$(head -n 1 <<<"$text" | sed 's|^[#/]* ||; s|^|/|; s|^//|/|')
  mkdir -p "$(dirname "$path")"
  printf '%s\n' "$text" >"$path"
done
systemd-sysusers
systemd-tmpfiles --create beacondeck.conf
install -g beacondeck -m 640 /dev/stdin /etc/beacondeck/fleet.yaml <<<"$fleet"
mkdir -p /etc/systemd/system/beacondeck.service.d
printf '%s\n' "$drop_in" >/etc/systemd/system/beacondeck.service.d/test.conf

mkdir -p /run/systemd/system
cat >/run/systemd/system/machine.target <<'UNIT'
[Unit]
DefaultDependencies=no
Requires=dbus.socket
After=dbus.socket
UNIT
export container=test
exec /lib/systemd/systemd --system --unit=machine.target --log-target=console --show-status=no
