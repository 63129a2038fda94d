#!/usr/bin/env bash
# Installs the Debian packages that the tests drive: Prometheus, Alertmanager, node_exporter, VictoriaMetrics, chronyd, dnsmasq, dbus-daemon, Chromium, strace, gcc for the stand-in drivers.
# Does nothing where they are there already; without root it says what to install and stops.
set -euo pipefail

# program → the package that brings it
needed=(
  "prometheus:prometheus"
  "promtool:prometheus"
  "prometheus-alertmanager:prometheus-alertmanager"
  "amtool:prometheus-alertmanager"
  "prometheus-node-exporter:prometheus-node-exporter"
  "victoria-metrics:victoria-metrics"
  "strace:strace"
  "chromium:chromium"
  "chronyd:chrony"
  "dnsmasq:dnsmasq-base"
  "dbus-daemon:dbus"
  "gcc:gcc"
  "gencat:libc6-dev"
)

missing=()
for entry in "${needed[@]}"; do
  program="${entry%%:*}"
  package="${entry##*:}"
  if ! command -v "$program" >/dev/null 2>&1 && [[ " ${missing[*]-} " != *" $package "* ]]; then
    missing+=("$package")
  fi
done

if [ "${#missing[@]}" -eq 0 ]; then
  echo "setup: every program the tests need is installed"
  exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
  echo "setup: the tests need these programs from Debian or your distribution: ${missing[*]}" >&2
  echo "setup: there is no apt-get on this machine; install them and run this again" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "setup: the tests need these Debian packages: ${missing[*]}" >&2
  echo "setup: run  sudo apt-get install -y --no-install-recommends ${missing[*]}  and then this again" >&2
  exit 1
fi

# The packages would start their services; the tests start their own. Only a policy of our own making is taken away again.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

log="$(mktemp)"
install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    -o DPkg::Lock::Timeout=300 "${missing[@]}" </dev/null >"$log" 2>&1
}
echo "setup: installing ${missing[*]}"
if ! install; then
  # Most often the package lists are missing or old: fetch them and try once more.
  apt-get update -qq </dev/null >>"$log" 2>&1 || true
  if ! install; then
    tail -n 20 "$log" >&2
    echo "setup: apt-get could not install ${missing[*]}; the lines above say why" >&2
    exit 1
  fi
fi
rm -f "$log"
echo "setup: done"
