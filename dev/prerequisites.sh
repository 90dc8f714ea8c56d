#!/usr/bin/env bash
# Looks for everything that `make` needs beside this checkout. As root on Debian or a relative of it, what is missing
# and packaged is installed; whatever is missing then is named in one message, with how to get it.
set -euo pipefail

oldest_java=21
oldest_postgres=15

packages=() # what apt-get can bring
advice=()   # what each missing thing is, and how to get it

miss() { # <what> <package, or nothing> [how to get it by hand]
    if [ -n "$2" ]; then packages+=("$2"); fi
    advice+=("$1: ${3:-apt-get install $2}")
}

has() { command -v "$1" >/dev/null 2>&1; }

has_openssl() {
    has pkg-config && pkg-config --exists openssl
}

has_postgres() {
    local program version
    for program in /usr/lib/postgresql/*/bin/postgres "$(command -v postgres || true)"; do
        [ -x "$program" ] && [ -x "$(dirname "$program")/initdb" ] || continue
        version=$("$program" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')
        [ "$version" -ge "$oldest_postgres" ] && return 0
    done
    return 1
}

has_java() {
    local home version
    for home in "${JAVA_HOME:-}" "$(dirname "$(dirname "$(readlink -f "$(command -v java || true)")")")" /usr/lib/jvm/*; do
        [ -n "$home" ] && [ -x "$home/bin/java" ] || continue
        version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release" 2>/dev/null || true)
        [ -n "$version" ] || version=$("$home/bin/java" -version 2>&1 | sed -n '1s/.*"\([0-9]*\).*/\1/p')
        [ -n "$version" ] && [ "$version" -ge "$oldest_java" ] && return 0
    done
    return 1
}

packaged() { # <package>: whether apt-get knows it
    has apt-cache && [ -n "$(apt-cache policy "$1" 2>/dev/null | sed -n '/Candidate: [0-9]/p')" ]
}

java_package() {
    local release
    for release in 25 21; do
        if packaged "openjdk-$release-jdk-headless"; then
            echo "openjdk-$release-jdk-headless"
            return
        fi
    done
}

look() {
    packages=() advice=()
    # Debian's own cargo is far too old for the workspace's rust-version.
    has cargo || miss "Rust (cargo)" "" "https://rustup.rs"
    has cc || miss "a C compiler" build-essential
    has c++ || miss "a C++ compiler" build-essential
    has cmake || miss "CMake" cmake
    has pkg-config || miss "pkg-config" pkg-config
    has_openssl || miss "OpenSSL's headers" libssl-dev
    has mvn || miss "Maven" maven
    has_postgres || miss "PostgreSQL's server, $oldest_postgres or newer" postgresql
    has psql || miss "PostgreSQL's client" postgresql-client
    has setpriv || miss "setpriv" util-linux
    has flock || miss "flock" util-linux
    has_java || miss "a JDK, $oldest_java or newer" "$(java_package)" \
        "one unpacked below /usr/lib/jvm or named by JAVA_HOME will do, such as Temurin 25 from https://adoptium.net"
}

install() {
    export DEBIAN_FRONTEND=noninteractive
    local quiet=(-qq -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold)
    echo "installing ${packages[*]}"
    if [[ " ${packages[*]} " == *" postgresql "* ]]; then
        # The package would start a cluster of its own; ours is private and needs none.
        apt-get install -y "${quiet[@]}" --no-install-recommends postgresql-common >/dev/null
        sed -ri 's/^#?(create_main_cluster) .*$/\1 = false/' /etc/postgresql-common/createcluster.conf
    fi
    apt-get install -y "${quiet[@]}" --no-install-recommends "${packages[@]}" >/dev/null
}

# Tests the alert rules. Only the tool is taken out of its package: installed, that would start a server. Nothing else
# needs it, so that its absence stops nobody.
bring_promtool() {
    has promtool && return
    [ "$(id -u)" = 0 ] && has apt-get && has dpkg-deb || return 0
    local folder
    folder=$(mktemp -d)
    (
        cd "$folder"
        packaged prometheus || apt-get update -qq
        apt-get download -qq prometheus
        dpkg-deb --extract prometheus_*.deb .
        command install -m 755 usr/bin/promtool /usr/local/bin/promtool
    ) >/dev/null 2>&1 || echo "promtool cannot be fetched: alert rules are not tested" >&2
    rm -rf "$folder"
}

# Tests services behind a pooler. Taken out of its package likewise; the libraries that it needs are installed.
bring_pgbouncer() {
    has pgbouncer || [ -x /usr/sbin/pgbouncer ] && return
    [ "$(id -u)" = 0 ] && has apt-get && has dpkg-deb || return 0
    local folder
    folder=$(mktemp -d)
    (
        cd "$folder"
        packaged pgbouncer || apt-get update -qq
        apt-get install -y -qq --no-install-recommends libevent-2.1-7 libc-ares2
        apt-get download -qq pgbouncer
        dpkg-deb --extract pgbouncer_*.deb .
        command install -m 755 usr/sbin/pgbouncer /usr/local/sbin/pgbouncer
    ) >/dev/null 2>&1 || echo "pgbouncer cannot be fetched: services behind a pooler are not tested" >&2
    rm -rf "$folder"
}

look
if [ ${#advice[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && has apt-get; then
    # A bare machine has no list of packages yet, so that not even a packaged JDK is known to it.
    apt-get update -qq || echo "apt-get could not refresh its list of packages" >&2
    look
    if [ ${#packages[@]} -gt 0 ]; then
        install || echo "apt-get could not install everything" >&2
        look
    fi
fi
if [ ${#advice[@]} -gt 0 ]; then
    {
        echo "Minuet needs what this machine lacks:"
        printf '  - %s\n' "${advice[@]}"
        if [ ${#packages[@]} -gt 0 ]; then
            echo "In one go, as root: apt-get install $(printf '%s\n' "${packages[@]}" | sort -u | tr '\n' ' ')"
        fi
    } >&2
    exit 1
fi
bring_promtool
bring_pgbouncer
